#pragma once

#include <vector>

#include "store/conservation.hpp"

namespace epsim {

/// Check that lower bounds are bounds: T_lb* <= T_lb, both 0 or more and both known or none, each
/// with a resource that sets it. Nothing to find in a run without a calibration.
std::vector<Finding> check_bounds(RunRecord const& record);

}  // namespace epsim
