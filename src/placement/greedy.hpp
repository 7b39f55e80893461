#pragma once

#include "placement/layer_problem.hpp"

namespace epsim {

/// Each expert once, heaviest first, to the lightest rank with room; then each slot left to a
/// replica of what is hottest on the heaviest rank.
Slots greedy_slots(LayerProblem const& problem);

/// Our best: EPLB, then local search: swaps of two slots, a replica more of one expert for one less
/// of another, as long as the heaviest rank gets lighter. Where that stays far from the bound that
/// every placement has, other starts too. Never heavier than EPLB of either kind.
Slots searched_slots(LayerProblem const& problem);

}  // namespace epsim
