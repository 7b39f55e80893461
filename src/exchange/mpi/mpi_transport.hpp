#pragma once

#include <memory>
#include <string_view>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// Rows by an algorithm (exchange_schedule() of that name), counts by MPI_Alltoall, on a
/// communicator that must outlive the transport. Collective.
/// \throws InputError on an unknown algorithm, CollectiveError where ranks cannot share memory
std::unique_ptr<Transport> make_mpi_transport(Communicator const& comm, std::string_view algorithm,
                                              ClusterTopology const& topology);

}  // namespace epsim
