#include "measure/student_t.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "core/error.hpp"

namespace epsim {

double student_t_cdf(double t, double df) {
    check(df > 0, "degrees of freedom are above 0");
    check(!std::isnan(t), "t is a number");
    return boost::math::cdf(boost::math::students_t(df), t);
}

double student_t_quantile(double p, double df) {
    check(df > 0, "degrees of freedom are above 0");
    check(p > 0 && p < 1, "a quantile of an unbounded distribution needs p in (0, 1)");
    return boost::math::quantile(boost::math::students_t(df), p);
}

}  // namespace epsim
