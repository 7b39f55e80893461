#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "measure/bootstrap.hpp"
#include "measure/launches.hpp"
#include "measure/statistics.hpp"
#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

SummaryRow row_of(std::vector<SummaryRow> const& rows, std::string_view metric) {
    return *std::ranges::find(rows, metric, &SummaryRow::metric);
}

TEST(SumOfMedians, IsThatOfThePlainMedians) {
    std::mt19937 random(2);
    std::lognormal_distribution<double> time(0, 0.5);
    for (int passes : {1, 2, 5, 8, 13}) {
        std::vector<PassSamples> cells(3);
        double sum = 0;
        for (auto& cell : cells) {
            std::vector<double> values;
            for (int p = 0; p < passes; ++p) {
                values.push_back(time(random));
                cell.push_back({p, values.back()});
            }
            sum += median(values);
        }
        auto const estimate = sum_of_medians(cells, 0.5);
        EXPECT_NEAR(estimate.value, 0.5 * sum, 1e-12);
        EXPECT_EQ(std::isfinite(estimate.interval.low), estimate.n_eff >= 6) << passes;
        EXPECT_EQ(sum_of_medians(cells, 0.5).interval.low == estimate.interval.low,
                  std::isfinite(estimate.interval.low));  // the same again
    }
}

TEST(SumOfMedians, LeavesOutWhatIsAbsent) {
    EXPECT_TRUE(std::isnan(sum_of_medians({}, 1).value));
    EXPECT_TRUE(std::isnan(sum_of_medians({{}, {}}, 1).value));
    PassSamples whole;
    for (int64_t p = 0; p < 9; ++p) whole.push_back({p, 1.0 + 0.1 * static_cast<double>(p % 3)});
    auto const estimate = sum_of_medians({whole, {}, {{0, 5.0}}}, 1);
    EXPECT_DOUBLE_EQ(estimate.value, 1.1 + 5.0);
    EXPECT_DOUBLE_EQ(estimate.n_eff * estimate.tau, 1);  // passes that have all
    for (auto& sample : whole) sample.value = 0;
    EXPECT_TRUE(std::isnan(sum_of_medians({whole}, 1).interval.low));  // no logarithm
}

TEST(SumOfMedians, WidensWithConfidence) {
    PassSamples cell;
    for (int64_t p = 0; p < 20; ++p)
        cell.push_back({p, 1.0 + 0.01 * static_cast<double>(p * 7 % 20)});
    double width = 0;
    for (double const level : {0.5, 0.9, 0.95, 0.99}) {
        auto const interval = sum_of_medians({cell}, 1, level).interval;
        EXPECT_GT(interval.high - interval.low, width);
        width = interval.high - interval.low;
    }
    for (double const level : {0.0, 1.0, -1.0}) {
        EXPECT_THROW(sum_of_medians({cell}, 1, level), Error);
        EXPECT_THROW(interval_of_launches(std::vector{1.0, 2.0}, level), Error);
    }
}

TEST(Launches, OfAFigureAndOfItsInverseHaveInverseIntervals) {
    std::vector<double> const time{1.0, 1.2, 0.9, 1.1, 1.05};
    std::vector<double> rate;
    for (double const t : time) rate.push_back(1 / t);
    auto const of_time = interval_of_launches(time), of_rate = interval_of_launches(rate);
    EXPECT_NEAR(of_time.low * of_rate.high, 1, 1e-12);
    EXPECT_NEAR(of_time.high * of_rate.low, 1, 1e-12);
    EXPECT_TRUE(std::isnan(interval_of_launches(std::vector{1.0}).low));
    EXPECT_TRUE(std::isnan(interval_of_launches(std::vector{1.0, std::nan("")}).low));
    EXPECT_EQ(spread_of_launches(time, std::vector(5, 1.0)), 0);  // all of it is noise within
    EXPECT_THROW(spread_of_launches(time, std::vector{1.0}), Error);
}

TEST(SummaryOfManyPasses, HasIntervalsRoundItsFigures) {
    auto const rows = summarise(test::synthetic_run({3, 2, 4, 8, 20, 1, 2}, 6));
    for (auto const* metric :
         {"throughput", "step_time", "step_time_p50", "phase_expert_p50", "phase_dispatch_p50"}) {
        auto const row = row_of(rows, metric);
        EXPECT_LT(row.ci_low, row.value) << metric;
        EXPECT_GT(row.ci_high, row.value) << metric;
        EXPECT_LT(row.ci_high / row.ci_low, 1.2) << metric;
    }
    auto const time = row_of(rows, "step_time"), rate = row_of(rows, "throughput");
    EXPECT_NEAR(time.ci_low * rate.ci_high, time.value * rate.value, 1e-9 * rate.value);
    EXPECT_EQ(row_of(rows, "n_eff").n, 20);
    EXPECT_LE(summary_value(rows, "n_eff"), 20);
    EXPECT_LE(summary_value(rows, "iterations_n_eff"), 60);
}

TEST(SummaryOfFewPasses, HasNone) {
    auto const rows = summarise(test::synthetic_run({3, 2, 4, 8, 5, 1, 2}, 6));
    for (auto const& row : rows) EXPECT_TRUE(std::isnan(row.ci_low)) << row.metric;
    EXPECT_EQ(summary_value(rows, "n_eff"), 5);
}

TEST(SummaryOfADriftingRun, HasNoHighPercentiles) {
    auto run = test::synthetic_run({1, 1, 1, 1, 400, 0, 1}, 2);
    EXPECT_TRUE(std::isfinite(summary_value(summarise(run), "step_time_p99")));
    for (int64_t i = 0; i < 400; ++i) run.step_end(i, 0) += 1e-4 * static_cast<double>(i);
    auto const rows = summarise(run);
    EXPECT_TRUE(std::isnan(summary_value(rows, "step_time_p95")));
    EXPECT_LT(summary_value(rows, "iterations_n_eff"), 59);
    EXPECT_GT(summary_value(rows, "autocorrelation_time"), 10);
}

TEST(SummaryOfStepsThatDiffer, IsNotTakenForDrift) {
    auto run = test::synthetic_run({2, 1, 1, 1, 50, 0, 1}, 2);
    for (int64_t i = 1; i < 100; i += 2) run.step_end(i, 0) += 1;  // the second step
    auto const rows = summarise(run);
    EXPECT_GT(summary_value(rows, "iterations_n_eff"), 59);
    EXPECT_GT(summary_value(rows, "step_time_sd_between"), 1);
    EXPECT_LT(summary_value(rows, "step_time_sd_within"), 0.2);
}

}  // namespace
}  // namespace epsim
