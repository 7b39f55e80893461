#include <gtest/gtest.h>

#include "core/error.hpp"
#include "measure/step_times.hpp"
#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

using test::synthetic_run;

TEST(BoundSummary, SumsLayersAndAveragesSteps) {
    auto run = synthetic_run({3, 2, 4, 8, 5, 1, 4}, 1);
    test::add_bounds(run, 2);
    auto const rows = summarise(run);
    double step = 0, least_step = 0;
    for (auto const phase : {Phase::counts, Phase::permute, Phase::dispatch, Phase::expert,
                             Phase::combine, Phase::unpermute}) {
        auto const p = static_cast<int64_t>(phase);
        double bound = 0, least = 0;
        for (int64_t s = 0; s < 3; ++s)
            for (int64_t l = 0; l < 2; ++l) {
                bound += run.bound(s, l, p) / 3;
                least += run.least_bound(s, l, p) / 3;
            }
        std::string const name(name_of(phase));
        double const t = summary_value(rows, "phase_" + name + "_busy_p50");
        EXPECT_NEAR(summary_value(rows, "bound_" + name), bound, 1e-12);
        EXPECT_NEAR(summary_value(rows, "bound_" + name + "_ratio"), bound / t, 1e-12);
        EXPECT_NEAR(summary_value(rows, "least_bound_" + name + "_ratio"), least / t, 1e-12);
        EXPECT_GE(t, summary_value(rows, "phase_" + name + "_p50"));
        step += bound;
        least_step += least;
    }
    double const t = summary_value(rows, "step_time");
    EXPECT_NEAR(summary_value(rows, "bound_step"), step, 1e-12);
    EXPECT_NEAR(summary_value(rows, "bound_step_ratio"), step / t, 1e-12);
    EXPECT_NEAR(summary_value(rows, "least_bound_step_ratio"), least_step / t, 1e-12);
    for (auto const* unbounded : {"bound_layout", "bound_gate", "bound_layout_ratio"})
        EXPECT_TRUE(std::isnan(summary_value(rows, unbounded))) << unbounded;
}

TEST(BoundSummary, CoversTheStepsThatWereMeasured) {
    auto run = synthetic_run({2, 1, 2, 4, 2, 1, 2}, 1);
    test::add_bounds(run, 2);
    for (std::size_t i = 0; i < run.step_of.size(); ++i)
        if (run.step_of[i] == 1) run.is_warmup[i] = 1;
    auto const p = static_cast<int64_t>(Phase::expert);
    EXPECT_EQ(summary_value(summarise(run), "bound_expert"), run.bound(0, 0, p));
}

TEST(BoundSummary, HasNoRowsWithoutBounds) {
    auto const has_bounds = [](RunRecord const& run) {
        return std::ranges::any_of(summarise(run), [](auto const& row) {
            return row.metric.find("bound") != std::string::npos;
        });
    };
    auto run = synthetic_run({}, 1);
    EXPECT_FALSE(has_bounds(run));
    test::add_bounds(run, 2);
    EXPECT_TRUE(has_bounds(run));
    std::ranges::fill(run.bound.flat(), std::numeric_limits<double>::quiet_NaN());
    EXPECT_FALSE(has_bounds(run));
}

TEST(BoundSummary, RefusesResourcesThatAreNone) {
    auto run = synthetic_run({}, 1);
    test::add_bounds(run, 2);
    run.bound_resource(0, 0, 3) = 3;
    EXPECT_THROW(summarise(run), InputError);
    run.bound_resource(0, 0, 3) = -2;
    EXPECT_THROW(summarise(run), InputError);
}

TEST(AnyRank, IsTheTimeThatAtLeastOneRankIsInThePhase) {
    std::mt19937 random(3);
    for (int trial = 0; trial < 50; ++trial) {
        auto run = synthetic_run({1, 1, 5, 5, 1, 0, 5}, static_cast<unsigned>(trial));
        auto const p = static_cast<int64_t>(Phase::permute);
        // On a grid of seconds, so that counting the seconds is another way to say it.
        std::array<bool, 64> busy{};
        for (int64_t r = 0; r < 5; ++r) {
            auto const start = random() % 50, length = random() % 10;
            run.time_start(0, 0, p, r) = static_cast<double>(start);
            run.time_end(0, 0, p, r) = static_cast<double>(start + length);
            if (r == 4)
                run.time_start(0, 0, p, r) = std::numeric_limits<double>::quiet_NaN();
            else
                for (auto second = start; second < start + length; ++second) busy[second] = true;
        }
        EXPECT_EQ(any_rank(run)(0, 0, Phase::permute), std::ranges::count(busy, true));
        EXPECT_TRUE(std::isnan(any_rank(run)(0, 0, Phase::gate)));
    }
}

}  // namespace
}  // namespace epsim
