#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "model/names.hpp"
#include "placement/layer_problem.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// How experts come into slots.
enum class Strategy {
    linear,
    round_robin,
    random,
    eplb,  ///< hierarchical where groups and nodes allow it
    eplb_global,
    greedy,
    search,  ///< never worse balanced than eplb
    coactivation,
    topology,
    optimal  ///< small cases only
};
template <>
inline constexpr std::array<std::string_view, 10> enum_names<Strategy>{
    "linear", "round-robin", "random",       "eplb",     "eplb-global",
    "greedy", "search",      "coactivation", "topology", "optimal"};

/// All layers to be placed. L layers, E experts, R ranks.
struct PlacementProblem {
    Array<double, 2> load;                  ///< [L, E] not negative
    std::vector<int32_t> rank_slot_offset;  ///< [R + 1], the same in all layers
    ClusterTopology topology;               ///< of R ranks
    int groups = 1;                         ///< of experts that routing limits: the model's n_group
    Twins twins = Twins::forbidden;
    uint64_t seed = 1;                               ///< of random
    double limit_s = 60;                             ///< of optimal, a layer
    std::vector<Array<double, 2>> source_load = {};  ///< [L] of [R, E]; empty = unknown
    std::vector<Coactivation> pairs = {};            ///< [L]; empty = unknown

    int layers() const { return static_cast<int>(load.extent(0)); }
    int experts() const { return static_cast<int>(load.extent(1)); }
    LayerProblem layer(int l) const;
};

/// Solve the problem. \param version of the result
/// \throws InputError if slots are fewer than experts, or more than ranks can hold without twins,
/// or the strategy needs what the problem does not know
Placement make_placement(Strategy strategy, PlacementProblem const& problem, int version = 0);

}  // namespace epsim
