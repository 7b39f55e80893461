#pragma once

#include <memory>
#include <string_view>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "exchange/exchange.hpp"
#include "exchange/exchange_shape.hpp"

namespace epsim {

/// An exchange of rows that are on GPUs, one a rank. Counts and metadata travel by MPI, between
/// hosts' memories, whatever moves rows:
/// - "local": nobody; rows of one rank stay where they are
/// - "mpi": MPI, by the algorithm of that name, staged through host memory
/// - "nccl": NCCL; alltoallv as grouped sends and receives, padded as ncclAlltoAll, hierarchical
///   and rail hop by hop
/// Collective. The communicator must outlive it.
/// \throws InputError if the backend lacks the algorithm, or there is no NCCL
std::unique_ptr<Exchange> make_gpu_exchange(std::string_view backend, Communicator const& comm,
                                            std::string_view algorithm, Placement const& placement,
                                            ClusterTopology const& topology, Dedup dedup,
                                            ExchangeShape const& shape);

}  // namespace epsim
