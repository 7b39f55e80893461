#include "measure/student_t.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/error.hpp"

namespace epsim {
namespace {

// Closed forms for 1 and 2 degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).
double cdf_of_one(double t) {
    return 0.5 + std::atan(t) / std::numbers::pi;
}
double cdf_of_two(double t) {
    return 0.5 + t / (2 * std::sqrt(2 + t * t));
}

TEST(StudentT, AgreesWithClosedForms) {
    for (double t : {-40.0, -3.2, -1.0, 0.0, 0.1, 2.0, 700.0}) {
        EXPECT_NEAR(student_t_cdf(t, 1), cdf_of_one(t), 1e-14) << t;
        EXPECT_NEAR(student_t_cdf(t, 2), cdf_of_two(t), 1e-14) << t;
    }
    EXPECT_EQ(student_t_cdf(INFINITY, 3), 1);
}

TEST(StudentT, AgreesWithPublishedTables) {
    // Abramowitz and Stegun, table 26.10: 97.5 % points.
    EXPECT_NEAR(student_t_quantile(0.975, 4), 2.776, 5e-4);
    EXPECT_NEAR(student_t_quantile(0.975, 7), 2.365, 5e-4);
    EXPECT_NEAR(student_t_quantile(0.975, 120), 1.980, 5e-4);
}

TEST(StudentT, QuantileUndoesTheDistribution) {
    for (double df : {0.7, 1.0, 3.5, 8.0, 1e6})
        for (double p : {1e-6, 0.025, 0.4, 0.5, 0.9, 0.999})
            EXPECT_NEAR(student_t_cdf(student_t_quantile(p, df), df), p, 1e-12) << df << ' ' << p;
}

TEST(StudentT, RefusesWhatHasNoAnswer) {
    for (double p : {0.0, 1.0, -0.1, std::nan("")}) EXPECT_THROW(student_t_quantile(p, 4), Error);
    for (double df : {0.0, -1.0, std::nan("")}) {
        EXPECT_THROW(student_t_quantile(0.5, df), Error);
        EXPECT_THROW(student_t_cdf(0, df), Error);
    }
    EXPECT_THROW(student_t_cdf(std::nan(""), 4), Error);
}

}  // namespace
}  // namespace epsim
