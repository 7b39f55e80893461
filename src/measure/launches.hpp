#pragma once

#include <span>

#include "measure/interval.hpp"

namespace epsim {

/// Interval of the geometric mean over launches of a figure that each launch has one of:
/// exp(mean of logs +- t s / sqrt(n)), s their standard deviation, t of Student's distribution with
/// n - 1 degrees of freedom. All that differs between launches (memory layout, placement by the
/// system, the hour) is in s, and what is left of the noise within each as well, so that
/// repetitions need no model: the top level of Kalibera and Jones, "Rigorous benchmarking in
/// reasonable time", ISMM 2013, section 6. In logarithms, so that speedups have inverse intervals.
/// Not a bootstrap: its percentiles take 1.96 sqrt((n - 1) / n) for t (Hesterberg 2015, "What
/// teachers should know about the bootstrap", American Statistician 69), so that those of 5
/// launches cover 85 % instead of 95.
///
/// Blank for fewer than 2, or where one is not above 0. \param level in (0, 1)
Interval interval_of_launches(std::span<double const> per_launch, double level = 0.95);

/// Relative standard deviation between launches, what repetitions within each explain left out:
/// sqrt(variance of the logs - mean of relative_error^2), 0 where that is negative (random-effects
/// analysis of variance). NaN for fewer than 2, or where a figure is not above 0.
/// \param relative_error of each launch's figure, from its own repetitions (Estimate)
double spread_of_launches(std::span<double const> per_launch,
                          std::span<double const> relative_error);

}  // namespace epsim
