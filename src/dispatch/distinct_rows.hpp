#pragma once

#include <cstdint>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// How often a source rank's tokens would travel if none went anywhere twice.
struct DistinctRows {
    std::vector<int64_t> to_rank;  ///< [R] tokens with a slot on the rank
    std::vector<int64_t> to_node;  ///< [N] tokens with a slot on any rank of the node
    int64_t tokens = 0;            ///< tokens with any slot
};

/// Distinct tokens among a rank's assignments. O(assignments + R).
DistinctRows distinct_rows(SlotRouting const& routing, Placement const& placement,
                           ClusterTopology const& topology);

}  // namespace epsim
