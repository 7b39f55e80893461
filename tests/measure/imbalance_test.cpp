#include "measure/imbalance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace epsim {
namespace {

using Loads = std::vector<int64_t>;

double mean_of(Loads const& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double gini_by_pairs(Loads const& x) {
    double sum = 0;
    for (auto a : x)
        for (auto b : x) sum += static_cast<double>(std::abs(a - b));
    auto const n = static_cast<double>(x.size());
    return sum / (2 * n * n * mean_of(x));
}

/// The population variance as half the mean squared difference of all pairs.
double cv_by_pairs(Loads const& x) {
    double sum = 0;
    for (auto a : x)
        for (auto b : x) sum += static_cast<double>((a - b) * (a - b));
    auto const n = static_cast<double>(x.size());
    return std::sqrt(sum / (2 * n * n)) / mean_of(x);
}

/// In bits, of the shares, over the bits of n equal ones.
double entropy_in_bits(Loads const& x) {
    double const sum = mean_of(x) * static_cast<double>(x.size());
    double bits = 0;
    for (auto a : x)
        if (a > 0) bits += static_cast<double>(a) / sum * std::log2(sum / static_cast<double>(a));
    return bits / std::log2(static_cast<double>(x.size()));
}

TEST(Imbalance, FollowsItsFormulas) {
    std::mt19937 random(11);
    for (std::size_t n : {2, 3, 8, 61}) {
        for (int trial = 0; trial < 40; ++trial) {
            Loads x(n);
            for (auto& v : x) v = random() % 4 == 0 ? 0 : static_cast<int64_t>(random() % 1000);
            x[0] += 1;  // not all zero
            auto const max = static_cast<double>(*std::max_element(x.begin(), x.end()));
            auto const got = imbalance(x);
            EXPECT_NEAR(got.max_over_mean, max / mean_of(x), 1e-12);
            EXPECT_NEAR(got.max_violation, (max - mean_of(x)) / mean_of(x), 1e-12);
            EXPECT_NEAR(got.balancedness, mean_of(x) / max, 1e-12);
            EXPECT_NEAR(got.cv, cv_by_pairs(x), 1e-12);
            EXPECT_NEAR(got.gini, gini_by_pairs(x), 1e-12);
            EXPECT_NEAR(got.entropy, entropy_in_bits(x), 1e-12);
            EXPECT_NEAR(got.busiest_share, max / (mean_of(x) * static_cast<double>(n)), 1e-12);
            EXPECT_EQ(got.idle, std::count(x.begin(), x.end(), 0));
        }
    }
}

TEST(Imbalance, OneTakesAll) {
    auto const got = imbalance(Loads{0, 0, 7, 0, 0});
    EXPECT_DOUBLE_EQ(got.max_over_mean, 5);
    EXPECT_DOUBLE_EQ(got.max_violation, 4);
    EXPECT_DOUBLE_EQ(got.balancedness, 0.2);
    EXPECT_DOUBLE_EQ(got.cv, 2);      // sqrt(n - 1)
    EXPECT_DOUBLE_EQ(got.gini, 0.8);  // 1 - 1 / n
    EXPECT_DOUBLE_EQ(got.entropy, 0);
    EXPECT_DOUBLE_EQ(got.busiest_share, 1);
    EXPECT_EQ(got.idle, 4);
}

TEST(Imbalance, BalancedAndSingle) {
    for (auto const& loads : {Loads{3, 3, 3}, Loads{42}}) {
        auto const got = imbalance(loads);
        EXPECT_DOUBLE_EQ(got.max_over_mean, 1);
        EXPECT_DOUBLE_EQ(got.max_violation, 0);
        EXPECT_DOUBLE_EQ(got.balancedness, 1);
        EXPECT_DOUBLE_EQ(got.cv, 0);
        EXPECT_DOUBLE_EQ(got.gini, 0);
        EXPECT_DOUBLE_EQ(got.entropy, 1);
        EXPECT_EQ(got.idle, 0);
    }
}

TEST(Imbalance, NoLoadHasNone) {
    for (auto const& loads : {Loads{}, Loads{0}, Loads{0, 0, 0}}) {
        auto const got = imbalance(loads);
        for (double value : {got.max_over_mean, got.max_violation, got.balancedness, got.cv,
                             got.gini, got.entropy, got.busiest_share})
            EXPECT_TRUE(std::isnan(value));
        EXPECT_EQ(got.idle, static_cast<int64_t>(loads.size()));
    }
}

}  // namespace
}  // namespace epsim
