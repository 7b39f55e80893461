#pragma once

#include <vector>

namespace epsim {

/// Relative standard deviations of a run's iteration times, by where they come from. NaN where
/// there is nothing to compare.
struct RunSpread {
    double within_steps;   ///< between repetitions of a step
    double between_steps;  ///< between steps, what repetitions explain left out
};

/// One-way analysis of variance with random effects (Searle, Casella and McCulloch 1992, chapter
/// 3): within = sqrt(mean over steps of (variance / mean^2)), the steps weighted by n - 1;
/// between = sqrt(variance of the steps' means - mean of (variance / n)) / mean of the means, 0
/// where the difference is negative.
/// \param times_of_step s, repetitions of each step; steps without any do not count
RunSpread spread_of_run(std::vector<std::vector<double>> const& times_of_step);

}  // namespace epsim
