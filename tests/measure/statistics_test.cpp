#include "measure/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/error.hpp"

namespace epsim {
namespace {

/// Hyndman and Fan's type 7 by its definition: the point at p on the polygon through
/// (i / (n - 1), x_i), x sorted; found by walking its segments.
double quantile_by_polygon(std::vector<double> x, double p) {
    std::sort(x.begin(), x.end());
    auto const last = static_cast<double>(x.size() - 1);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
        double const left = static_cast<double>(i) / last;
        double const right = static_cast<double>(i + 1) / last;
        if (p <= right) return x[i] + (x[i + 1] - x[i]) * (p - left) / (right - left);
    }
    return x.back();
}

TEST(Quantile, AgreesWithItsDefinition) {
    std::mt19937 random(3);
    std::uniform_real_distribution<double> value(-10, 10), probability(0, 1);
    for (std::size_t n : {1, 2, 3, 7, 100}) {
        std::vector<double> x(n);
        for (int trial = 0; trial < 50; ++trial) {
            for (double& v : x) v = std::round(value(random));  // ties happen
            double const p = trial == 0 ? 0 : trial == 1 ? 1 : probability(random);
            EXPECT_NEAR(quantile(x, p), quantile_by_polygon(x, p), 1e-12) << n << ' ' << p;
        }
    }
}

TEST(Median, IsTheMiddle) {
    EXPECT_EQ(median(std::vector{5.0}), 5);
    EXPECT_EQ(median(std::vector{9.0, 1.0, 2.0}), 2);
    EXPECT_EQ(median(std::vector{4.0, 1.0, 2.0, 9.0}), 3);
    EXPECT_TRUE(std::isnan(median({})));
}

TEST(Quantile, RefusesAnImpossibleProbability) {
    std::vector const x{1.0, 2.0};
    for (double p : {-0.1, 1.1, std::nan("")}) EXPECT_THROW(quantile(x, p), Error);
}

}  // namespace
}  // namespace epsim
