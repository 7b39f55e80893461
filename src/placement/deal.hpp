#pragma once

#include "placement/layer_problem.hpp"

namespace epsim {

// Strategies that know no loads. Where there are more slots than experts, dealing goes on.

/// Slot s holds expert s mod E: contiguous.
Slots linear_slots(LayerProblem const& problem);
/// Ranks take turns: expert e is on the e-th rank that has room; none twice on one rank.
Slots round_robin_slots(LayerProblem const& problem);
/// linear_slots of a permutation. \param seed, layer that it is a function of
Slots random_slots(LayerProblem const& problem, uint64_t seed, int layer);

}  // namespace epsim
