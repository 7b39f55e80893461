#pragma once

#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/shared_flag.hpp"
#include "comm/shared_memory.hpp"

namespace epsim {

/// Growable segments of memory of each rank of a node, mapped by all of its ranks, and a control
/// block of fixed size, zero at first. Ranks of a node are counted by their place in it.
class NodeMemory {
public:
    /// Collective over `comm`.
    /// \param node_of_rank [R]: ranks of a node must lie on one host
    /// \param control_bytes_a_rank of the control block, times the ranks of the node
    /// \throws InputError naming what to do if they do not or cannot see each other's memory
    NodeMemory(Communicator const& comm, std::span<int const> node_of_rank, int segments,
               int64_t control_bytes_a_rank);

    std::span<int const> ranks() const noexcept { return ranks_; }  ///< of the node, ascending
    int place() const noexcept { return place_; }                   ///< of this rank

    /// This rank's segment, grown to `bytes` if need be: then it may move, and nobody may be using
    /// it. Others see its size once they see whatever is written after this, acquired.
    std::byte* own(int segment, int64_t bytes);
    int64_t own_size(int segment) const {
        return own_[static_cast<std::size_t>(segment) + 1].size();
    }
    /// Another's segment, as large as it has last grown.
    std::byte* of(int place, int segment);
    std::byte* control(int place);

    /// After writing, with memory_order_seq_cst, what the rank at `place` may wait for.
    void ring(int place) { doorbell(place).ring(); }
    /// Until `ready()`: see Doorbell::wait().
    template <class Ready>
    void wait(std::chrono::nanoseconds look_again, Ready&& ready) {
        doorbell(place_).wait(policy_, look_again, ready);
    }

private:
    struct Peer {
        PeerMemory control;
        std::vector<PeerMemory> segments;
    };
    struct Header;
    struct Facts;
    static Header& header(std::byte* control);
    Doorbell& doorbell(int place);
    void make_own(int segments);
    void open_peers(Communicator const& comm, std::span<int const> node_of_rank,
                    std::span<Facts const> facts);

    int place_ = 0;
    std::vector<int> ranks_;
    WaitPolicy policy_{};
    int64_t control_bytes_ = 0;
    uint64_t token_ = 0;             // by which others know that what they opened is this rank's
    std::vector<SharedMemory> own_;  // control, then segments
    std::vector<Peer> peers_;        // by place
};

}  // namespace epsim
