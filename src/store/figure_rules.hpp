#pragma once

#include <vector>

#include "measure/run_record.hpp"
#include "store/conservation.hpp"

namespace epsim {

/// Check what a run says of time, of its own verification, and the figures derived from its arrays:
/// intervals lie where they must, the oracle compared and agreed, /summary is that of the arrays.
/// The record must obey check_conservation's first rule: no absurd numbers.
std::vector<Finding> check_figures(RunRecord const& record);

}  // namespace epsim
