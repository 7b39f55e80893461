#pragma once

#include <span>

namespace epsim {

/// Arithmetic mean. NaN for none.
double mean(std::span<double const> samples);

/// Sample variance: squared deviations from the mean / (n - 1). NaN for fewer than 2.
double variance(std::span<double const> samples);

/// Median: the mean of the two middle values for an even count. NaN for none.
double median(std::span<double const> samples);

/// Linear-interpolation quantile (Hyndman and Fan 1996, type 7). NaN for none. \param p in [0, 1]
double quantile(std::span<double const> samples, double p);

}  // namespace epsim
