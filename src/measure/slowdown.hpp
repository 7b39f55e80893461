#pragma once

#include <vector>

#include "measure/bootstrap.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// A step with and without load from other ranks.
struct Slowdown {
    int32_t quiet = 0, loaded = 0;  ///< positions of the two steps, which exchange the same rows
    int64_t passes = 0;             ///< measured ones that have both
    double quiet_p50 = 0, loaded_p50 = 0;  ///< s
    double quiet_p99 = 0, loaded_p99 = 0;  ///< s; NaN under 299 effective iterations each
    Estimate p50;                          ///< loaded_p50 / quiet_p50, passes as pairs
    double p99 = 0;                        ///< loaded_p99 / quiet_p99
};

/// Of the i-th step without and the i-th with load (step_loaded), in order; empty where no step was
/// loaded.
std::vector<Slowdown> slowdowns(RunRecord const& record);

}  // namespace epsim
