#pragma once

#include <memory>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"

namespace epsim {

/// Which node each rank lives on: by host, or as the options say. Collective.
std::unique_ptr<ClusterTopology> make_topology(ClusterOptions const& options,
                                               Communicator const& comm);

/// What a rank has of its host's cores.
struct CoreShare {
    int threads;          ///< of this rank
    bool oversubscribed;  ///< somewhere more threads run than there are cores
};

/// Ranks of a host with the same cpuset, or one within it, share its cores; a launcher that binds
/// gives each its own. Collective. \param threads that every rank was told to use; 0 = its share, at
/// least 1
CoreShare share_cores(Communicator const& comm, int threads);

}  // namespace epsim
