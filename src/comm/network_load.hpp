#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace epsim {

/// Messages that keep a network busy, as aggressors of congestion tests do (GPCNeT: Chunduri et
/// al., SC 2019).
class NetworkLoad {
public:
    /// Collective. `comm` must outlive it. \param pattern "incast": all ranks send to rank 0;
    /// "allreduce": all sum up \param bytes of a message, a multiple of 8
    NetworkLoad(Communicator const& comm, std::string const& pattern, int64_t bytes);

    /// Some messages of every rank. Collective. \param more of rank 0: that another burst follows
    /// \return what rank 0 said
    bool burst(bool more);

private:
    void incast();
    void allreduce();

    Communicator const& comm_;
    bool incast_;
    int values_;                           ///< of 8 bytes, a message
    std::vector<double> sent_, received_;  ///< on rank 0 of an incast a message from every rank
    std::vector<MPI_Request> requests_;
};

}  // namespace epsim
