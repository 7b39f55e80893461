#pragma once

#include "placement/layer_problem.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// A layer of `target`, equally balanced but with fewer experts that are not where `current` has
/// them: an expert that stays on its rank keeps its slot. With may_swap_ranks, ranks of one node
/// with equally many slots first swap what `target` gives them, the pair that has most experts in
/// common first.
Slots keep_in_place(Placement const& current, Placement const& target, LayerId layer,
                    ClusterTopology const& topology, bool may_swap_ranks);

}  // namespace epsim
