#include "measure/slowdown.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "measure/statistics.hpp"
#include "measure/summary.hpp"

namespace epsim {
namespace {

/// Passes over steps that take `seconds[step][pass]`, on one rank; the first pass warms up.
RunRecord run_of(std::vector<std::vector<double>> const& seconds,
                 std::vector<uint8_t> const& loaded) {
    RunRecord record;
    record.topology.resize(1);
    record.layer = {0};
    record.step_loaded = loaded;
    auto const steps = static_cast<int64_t>(seconds.size());
    auto const passes = static_cast<int64_t>(seconds.front().size());
    record.step_tokens.assign(seconds.size(), 1);
    record.step_start = record.step_end = Array<double, 2>({steps * passes, 1});
    for (int64_t s = 0; s < steps; ++s) record.step.push_back(static_cast<int32_t>(s));
    for (int64_t p = 0; p < passes; ++p)
        for (int64_t s = 0; s < steps; ++s) {
            int64_t const i = p * steps + s;
            record.step_of.push_back(static_cast<int32_t>(s));
            record.is_warmup.push_back(p == 0);
            record.step_start(i, 0) = static_cast<double>(10 * i);
            record.step_end(i, 0) =
                static_cast<double>(10 * i) +
                seconds[static_cast<std::size_t>(s)][static_cast<std::size_t>(p)];
        }
    return record;
}

std::vector<double> draw(std::mt19937_64& random, std::size_t n, double middle) {
    std::lognormal_distribution<double> spread(0, 0.2);
    std::vector<double> values(n);
    for (double& v : values) v = middle * spread(random);
    return values;
}

TEST(Slowdown, IsOfMediansAndPercentilesOfEachExchange) {
    std::mt19937_64 random(5);
    std::vector<std::vector<double>> seconds;
    for (double const middle : {1e-3, 3e-3, 2e-3, 8e-3})
        seconds.push_back(draw(random, 401, middle));
    auto const record = run_of(seconds, {0, 1, 0, 1});
    auto const found = slowdowns(record);
    ASSERT_EQ(found.size(), 2u);
    double product = 1;
    for (std::size_t i = 0; i < 2; ++i) {
        auto sorted = [&](std::size_t s) {
            std::vector<double> kept(seconds[s].begin() + 1, seconds[s].end());
            std::ranges::sort(kept);
            return kept;
        };
        auto const quiet = sorted(2 * i), loaded = sorted(2 * i + 1);
        double const ratio = (loaded[199] + loaded[200]) / (quiet[199] + quiet[200]);
        EXPECT_EQ(found[i].passes, 400);
        EXPECT_NEAR(found[i].p50.value, ratio, 1e-9 * ratio);
        EXPECT_LT(found[i].p50.interval.low, ratio);
        EXPECT_GT(found[i].p50.interval.high, ratio);
        auto const p99 = [](std::vector<double> const& v) {
            return std::lerp(v[395], v[396], 0.01);
        };
        EXPECT_NEAR(found[i].p99, p99(loaded) / p99(quiet), 1e-6);
        product *= ratio;
    }
    auto const summary = summarise(record);
    EXPECT_NEAR(summary_value(summary, "slowdown_p50"), std::sqrt(product), 1e-7);
    EXPECT_DOUBLE_EQ(summary_value(summary, "slowdown_p50_step_3"), found[1].p50.value);
}

TEST(Slowdown, FewPassesHaveNeitherIntervalNorPercentile) {
    auto const found = slowdowns(run_of({{9, 1, 2, 3}, {9, 4, 2, 6}}, {0, 1}));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_DOUBLE_EQ(found[0].p50.value, 2);
    EXPECT_TRUE(std::isnan(found[0].p50.interval.low));
    EXPECT_TRUE(std::isnan(found[0].p99));
}

TEST(Slowdown, APassWithoutItsLoadedHalfIsLeftOut) {
    auto record = run_of({{9, 1, 2, 90}, {9, 4, 6, 1}}, {0, 1});
    record.step_end(7, 0) = std::nan("");
    EXPECT_DOUBLE_EQ(slowdowns(record)[0].p50.value, 5 / 1.5);
    EXPECT_EQ(slowdowns(record)[0].passes, 2);
}

TEST(Slowdown, NoLoadNoFigures) {
    auto const record = run_of({{9, 1, 2}, {9, 4, 2}}, {});
    EXPECT_TRUE(slowdowns(record).empty());
    EXPECT_TRUE(std::isnan(summary_value(summarise(record), "slowdown_p50")));
}

TEST(RatioOfMedians, IntervalHoldsTheTruthAndDriftCancels) {
    std::mt19937_64 random(7);
    constexpr int trials = 400;
    int held = 0;
    double narrow = 0, wide = 0;
    for (int t = 0; t < trials; ++t) {
        auto over = draw(random, 20, 3.0), under = draw(random, 20, 2.0);
        auto const plain = ratio_of_medians(over, under);
        held += plain.interval.low <= 1.5 && 1.5 <= plain.interval.high;
        std::vector<double> const machine = draw(random, 20, 1.0);  // what slows both down
        std::lognormal_distribution<double> little(0, 0.01);
        for (std::size_t i = 0; i < over.size(); ++i) {
            over[i] = 3 * machine[i] * little(random);
            under[i] = 2 * machine[i] * little(random);
        }
        auto const paired = ratio_of_medians(over, under);
        EXPECT_NEAR(paired.value, 1.5, 0.3);
        if (!std::isfinite(plain.relative_error + paired.relative_error)) continue;  // few passes
        wide += plain.relative_error;
        narrow += paired.relative_error;
    }
    EXPECT_GE(held, trials * 91 / 100);
    EXPECT_LE(held, trials * 99 / 100);
    EXPECT_LT(narrow, wide / 5);
    EXPECT_TRUE(std::isnan(ratio_of_medians({}, {}).value));
}

}  // namespace
}  // namespace epsim
