#pragma once

#include <span>

namespace epsim {

/// Integrated autocorrelation time tau = 1 + 2 sum over k > 0 of rho(k), in samples: the variance
/// of a mean of n samples is tau / n times that of one. By Geyer's initial monotone sequence
/// (Geyer 1992, "Practical Markov chain Monte Carlo", Statistical Science 7, section 3.3): sums of
/// two neighbouring lags, as long as they are positive, none larger than the one before.
///
/// 1 unless rho(1) is above what 95 % of independent series show, 1.645 / sqrt(n) - 1 / n
/// (Bartlett 1946): otherwise noise alone would widen every second interval. So few samples pass
/// for independent unless they are strongly correlated.
///
/// In [1, max(n, 1)]; 1 for a constant series and for n < 3. At most 2000 lags are read.
/// \param samples in the order in which they were taken, finite
double autocorrelation_time(std::span<double const> samples);

/// n_eff = n / tau: as many independent samples would tell as much about the mean.
double effective_count(std::span<double const> samples);

}  // namespace epsim
