#pragma once

#include <optional>

#include "placement/layer_problem.hpp"

namespace epsim {

/// Whether epsim was built with a solver.
bool has_solver() noexcept;

/// The placement whose heaviest rank is lightest, replicas sharing an expert's load equally, proven
/// by a mixed-integer program (COIN-OR CBC): for small cases, that the gaps of heuristics be known.
/// \throws InputError without a solver, or if there is no proof within `limit_s`
Slots optimal_slots(LayerProblem const& problem, double limit_s);

}  // namespace epsim
