#pragma once

namespace epsim {

/// Student's t distribution; `df` degrees of freedom, > 0 and not necessarily whole.

/// P(T <= t). \throws Error if df is not above 0 or t is NaN
double student_t_cdf(double t, double df);

/// The t below which T lies with probability p. \param p in (0, 1)
/// \throws Error if p or df is outside its range
double student_t_quantile(double p, double df);

}  // namespace epsim
