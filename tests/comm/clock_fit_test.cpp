#include "comm/clock_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <random>

namespace epsim::test {
namespace {

/// Rank 0's clock minus own, as a function of own: known, as no real one is.
using Offset = std::function<double(double own)>;

/// A comparison that is off by up to its error.
void compare(ClockFit& fit, Offset const& offset, double own, double error, std::mt19937& random) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    fit.add(own, offset(own) + error * uniform(random), error);
}

double miss(ClockFit const& fit, Offset const& offset, double own) {
    return std::abs(fit.to_root(own) - own - offset(own));
}

TEST(ClockFit, StaysWithinItsErrorForAnyWanderingClock) {
    std::mt19937 random(3);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int trial = 0; trial < 200; ++trial) {
        DriftBounds const bounds{100e-6, 1e-6};
        double const drift = 95e-6 * (2 * uniform(random) - 1), shift = 10 * uniform(random);
        double const period = 1 + 1000 * uniform(random),
                     most_error = std::pow(10, -7 + 3 * uniform(random));
        // Its slope moves by half of `wander` around its mean: never further from any other mean
        // than `wander`.
        double const swing = 0.5e-6 * period / (2 * std::numbers::pi);
        Offset const offset = [&](double t) {
            return shift + drift * t + swing * std::sin(2 * std::numbers::pi * t / period);
        };
        ClockFit fit(bounds);
        double const pass = std::pow(10, -3 + 4 * uniform(random));
        double own = 100 * uniform(random);
        std::vector<double> read;
        for (int epoch = 0; epoch < 12; ++epoch) {
            compare(fit, offset, own, most_error * uniform(random), random);
            double const next = own + pass * (0.1 + uniform(random));
            for (int i = 0; i < 5; ++i) {
                double const t = own + (next - own) * i / 5;
                EXPECT_LE(miss(fit, offset, t), fit.error(t) + 1e-12);
                read.push_back(t);
            }
            own = next;
        }
        compare(fit, offset, own, most_error, random);
        std::size_t epoch = 0;
        for (double const t : read) {
            EXPECT_LE(miss(fit, offset, t), fit.error(t) + 1e-12);
            while (fit.epochs()[epoch + 1].t_ref <= t) ++epoch;
            EXPECT_LE(fit.error(t), fit.largest_error(epoch) + 1e-15);
        }
    }
}

TEST(ClockFit, ErrorIsThatOfTheComparisonsAndTheDriftBetween) {
    ClockFit fit({100e-6, 1e-6});
    fit.add(10, 1, 2e-6);
    EXPECT_DOUBLE_EQ(fit.error(10), 2e-6);
    EXPECT_DOUBLE_EQ(fit.error(12), 2e-6 + 2 * 100e-6) << "one epoch: no slope is known";
    EXPECT_DOUBLE_EQ(fit.to_root(12), 13);
    fit.add(20, 1 + 10 * 40e-6, 4e-6);
    EXPECT_DOUBLE_EQ(fit.error(10), 2e-6);
    EXPECT_DOUBLE_EQ(fit.error(20), 4e-6);
    EXPECT_NEAR(fit.error(15), 3e-6 + 5 * 1e-6, 1e-15);
    EXPECT_NEAR(fit.largest_error(0), 4e-6 + 5 * 1e-6, 1e-15);
    EXPECT_NEAR(fit.to_root(15), 16 + 5 * 40e-6, 1e-12);
    // On from there: the slope's error is 6 us in 10 s, and it may wander away by twice its bound.
    EXPECT_NEAR(fit.error(30), 4e-6 + 10 * (0.6e-6 + 2e-6), 1e-15);
    EXPECT_NEAR(fit.to_root(30), 31 + 20 * 40e-6, 1e-12);
    EXPECT_DOUBLE_EQ(fit.largest_error(1), 4e-6);
}

TEST(ClockFit, DoesNotTakeTheErrorsOfCloseComparisonsForDrift) {
    ClockFit fit({100e-6, 1e-6});
    fit.add(1.000, 0.000, 10e-6);
    fit.add(1.001, 9e-6, 10e-6);  // 9000 ppm, if that were drift
    EXPECT_NEAR(fit.to_root(2), 2 + 9e-6, 1e-12);
    EXPECT_NEAR(fit.error(2), 10e-6 + 0.999 * 100e-6, 1e-12);
    // A long way back, the same errors are a good slope.
    fit.add(101, 100 * 30e-6, 10e-6);
    fit.add(101.001, 100 * 30e-6 + 9e-6, 10e-6);
    EXPECT_LT(fit.error(102), 10e-6 + 3e-6);
    EXPECT_NEAR(fit.to_root(102), 102 + 101 * 30e-6, 10e-6 + 3e-6);
}

TEST(ClockFit, ARateThatChangesShowsInTheError) {
    std::mt19937 random(9);
    // NTP begins to slew by 70 ppm in the middle of a pass.
    Offset const offset = [](double t) { return 20e-6 * t + std::max(0.0, t - 25) * 70e-6; };
    ClockFit fit({100e-6, 1e-6});
    for (int t = 0; t <= 60; t += 10) compare(fit, offset, t, 1e-6, random);
    for (double t = 0; t <= 60; t += 0.25) EXPECT_LE(miss(fit, offset, t), fit.error(t)) << t;
    EXPECT_GT(fit.largest_error(2), 100e-6);
    EXPECT_LT(fit.largest_error(5), 10e-6) << "long after, all is well";
}

}  // namespace
}  // namespace epsim::test
