#pragma once

#include <string>

#include "measure/array.hpp"

namespace epsim {

/// When a measurement has enough passes. It is asked between passes only, so that every step gets
/// equal repetitions.
///
/// With a target, the step time's 95 % interval (measure/bootstrap) is looked at after min_passes
/// and then at numbers of passes that grow by a quarter, and must be narrow enough at two looks in
/// a row: a look after every pass stops at the first interval that is too narrow by chance. Few
/// looks, and two that agree, leave it near its confidence (tests/measure/test_statistics.py has
/// the coverage after stopping), for more passes than the first narrow interval would take.
///
/// With max_passes = 0 and a target that noise keeps out of reach, the rule never ends: the run's
/// time limit (measure.timeout_s) does.
struct StoppingRule {
    int min_passes = 6;
    int max_passes = 0;    ///< never more than these, whatever min_passes says; 0 = no limit
    double target_ci = 0;  ///< relative half-width of the step time's interval; 0 = min_passes do

    /// Why to stop now; empty = go on. \param times [measured passes, steps] iteration times, s
    std::string reason(Array<double, 2> const& times) const;
};

}  // namespace epsim
