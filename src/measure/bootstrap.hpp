#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "measure/interval.hpp"

namespace epsim {

/// A time of one pass: all of a pass share the machine's state at that moment.
struct PassSample {
    int64_t pass;  ///< from 0, in order of time
    double value;
};

/// Times that have one median: those of a step, of a phase in a step and layer.
using PassSamples = std::vector<PassSample>;

/// A figure with what is known about its error.
struct Estimate {
    double value = std::numeric_limits<double>::quiet_NaN();  ///< NaN where there is none
    double relative_error =
        std::numeric_limits<double>::quiet_NaN();  ///< standard error / value; NaN where the
                                                   ///< interval is
    double tau = 1;    ///< autocorrelation time of the passes' sums, in passes
    double n_eff = 0;  ///< whole passes / tau
    Interval interval;
};

/// Under this many effective passes a median has no 95 % interval: even the one from the least to
/// the largest of n samples misses it with probability 2 (1/2)^n, 6.3 % for 5 and 3.1 % for 6.
inline constexpr double passes_for_median = 6;

/// factor x the sum of the cells' medians, with its interval of confidence `level`:
/// value x exp(+- t relative_error), t of Student's distribution with n_eff - 1 degrees of freedom.
///
/// The error is that of the Bayesian bootstrap (Rubin 1981): 500 times (fewer, never under 200,
/// where there are very many samples) each pass gets a random weight, Exponential(1), the same for
/// all its samples, and each median becomes the weighted one, interpolated between samples at
/// their middle weights. It is multiplied by the square root of the autocorrelation time of the
/// passes' sums. Random weights instead of drawing passes, and Student's t instead of percentiles,
/// since the median of a few drawn samples is one of them: the percentiles for 7 passes are the
/// second and the sixth sample, which hold the truth in 87.5 % of cases. These intervals hold it in
/// 93 to 97 % for normal and skewed times, one step or many, correlated passes or not
/// (tests/measure/test_statistics.py). In logarithms, since slow times stray further than fast ones
/// and throughput, the inverse, then has the inverse interval.
///
/// Seeded: the same samples have the same interval. Blank (NaN) under passes_for_median, and where
/// the value is not above 0.
Estimate sum_of_medians(std::vector<PassSamples> const& cells, double factor, double level = 0.95);

/// Median of `over` / median of `under`, of as many passes that each gave a sample to both: a pass
/// weighs the same in both medians, so that what slows both down cancels. Interval and error as
/// above; the autocorrelation time is that of the passes' ratios.
Estimate ratio_of_medians(std::span<double const> over, std::span<double const> under,
                          double level = 0.95);

}  // namespace epsim
