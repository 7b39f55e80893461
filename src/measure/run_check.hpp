#pragma once

#include "measure/run_record.hpp"

namespace epsim {

/// That the arrays a summary is derived from agree on S, I, L, R and E (an empty array is absent),
/// that step, node and rank numbers are in range, and that counts are non-negative with sums under
/// 2^60.
/// \throws InputError naming what breaks this
void check_run(RunRecord const& record);

}  // namespace epsim
