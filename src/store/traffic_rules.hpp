#pragma once

#include <vector>

#include "measure/run_record.hpp"
#include "store/conservation.hpp"

namespace epsim {

/// The rules about /traffic. Its numbers are from 0 to 2^53, and rows have bytes.
std::vector<Finding> check_traffic(RunRecord const& record);

}  // namespace epsim
