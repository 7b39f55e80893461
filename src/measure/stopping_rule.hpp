#pragma once

#include <string>

#include "measure/array.hpp"

namespace epsim {

/// When a measurement has enough passes. It is asked between passes only, so that every step gets
/// equal repetitions.
struct StoppingRule {
    int min_passes = 5;
    int max_passes = 0;    ///< never more than these, whatever min_passes says; 0 = no limit
    double target_ci = 0;  ///< relative half-width of the step time's interval; 0 = min_passes do

    /// Why to stop now; empty = go on. \param times [measured passes, steps] iteration times, s
    std::string reason(Array<double, 2> const& times) const;
};

}  // namespace epsim
