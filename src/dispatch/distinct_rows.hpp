#pragma once

#include <cstdint>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "dispatch/dispatch_plan.hpp"

namespace epsim {

/// How often a source rank's tokens would travel if none went anywhere twice.
struct DistinctRows {
    std::vector<int64_t> to_rank;  ///< [R] tokens with a row for the rank
    std::vector<int64_t> to_node;  ///< [N] tokens with a row for any rank of the node
    int64_t tokens = 0;            ///< tokens with any row
};

/// Distinct tokens among the rows of a plan, padding left out. O(rows + R log R).
DistinctRows distinct_rows(DispatchPlan const& plan, ClusterTopology const& topology);

}  // namespace epsim
