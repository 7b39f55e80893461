#pragma once

#include <span>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "core/ids.hpp"
#include "measure/array.hpp"
#include "trace/coactivation.hpp"

namespace epsim {

/// Whether a rank may hold two replicas of one expert: a slot spent for nothing.
enum class Twins { forbidden, allowed };

/// One layer's experts to be put into slots: what every strategy is given.
struct LayerProblem {
    std::span<double const> load;               ///< [E] non-negative
    std::span<int32_t const> rank_slot_offset;  ///< [R + 1], at least E slots
    ClusterTopology const& topology;            ///< of R ranks
    int groups = 1;                             ///< of consecutive experts that routing limits
    Twins twins = Twins::forbidden;
    Array<double, 2> const* source_load = nullptr;  ///< [R, E] by the token's rank; null = unknown
    Coactivation const* pairs = nullptr;            ///< null = unknown

    int experts() const noexcept { return static_cast<int>(load.size()); }
    int ranks() const noexcept { return static_cast<int>(rank_slot_offset.size()) - 1; }
    int slots() const noexcept { return rank_slot_offset.back(); }
    int first_slot(int rank) const { return rank_slot_offset[static_cast<std::size_t>(rank)]; }
    int capacity(int rank) const { return first_slot(rank + 1) - first_slot(rank); }
    int node_of(int rank) const { return topology.node_of(RankId{rank}); }
    /// [R]
    std::vector<int> capacities() const {
        std::vector<int> all;
        for (int r = 0; r < ranks(); ++r) all.push_back(capacity(r));
        return all;
    }
};

/// [Q] expert of each slot of a layer.
using Slots = std::vector<ExpertId>;

}  // namespace epsim
