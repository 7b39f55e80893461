#pragma once

#include "comm/communicator.hpp"

namespace epsim {

/// What rank 0 tells ranks that are at work on something else: they look for it between two pieces
/// of their work. On a communicator of its own, in one order on all ranks: say() or listen(), then
/// meet() or join(), and so on. Waits leave the cores to others.
class Orders {
public:
    /// Collective over `comm`.
    explicit Orders(Communicator const& comm) : comm_(Communicator::duplicate(comm.native())) {}
    Orders(Orders const&) = delete;
    Orders& operator=(Orders const&) = delete;

    /// Rank 0 gives an order; ranks that know of it already take part by this too.
    void say(int order);
    /// Begin to wait for the next order: heard() says whether it came, order() waits for it.
    void listen();
    bool heard();
    int order();

    /// Wait until all ranks are here. \return whether any of them said true
    bool meet(bool flag);
    /// Say that this rank is here, and go on; what the others said is not asked for.
    void join(bool flag);

private:
    void wait(MPI_Request& request) const;

    Communicator comm_;
    MPI_Request order_request_ = MPI_REQUEST_NULL, meeting_ = MPI_REQUEST_NULL;
    int order_ = 0;
    int flag_ = 0, any_ = 0;
};

}  // namespace epsim
