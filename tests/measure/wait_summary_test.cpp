#include <gtest/gtest.h>

#include <cmath>

#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// One step and layer, two ranks, one pass a call of `pass`: dispatch, then expert.
struct Waiting {
    RunRecord run = test::synthetic_run({1, 1, 2, 2, 3, 0, 2}, 1);

    Waiting() {
        for (auto* times : {&run.time_start, &run.time_end}) std::ranges::fill(times->flat(), nan);
        run.time_wait = run.time_start;
    }
    /// Rank r is in dispatch from in[r] to 10 and in expert to end[r], and waits wait[r].
    void pass(int64_t i, double start, std::array<double, 2> in, std::array<double, 2> wait,
              std::array<double, 2> end) {
        auto const dispatch = static_cast<int64_t>(Phase::dispatch);
        auto const expert = static_cast<int64_t>(Phase::expert);
        for (std::size_t r = 0; r < 2; ++r) {
            run.step_start(i, r) = start;
            run.time_start(i, 0, dispatch, r) = in[r];
            run.time_end(i, 0, dispatch, r) = run.time_start(i, 0, expert, r) = 10;
            run.time_end(i, 0, expert, r) = run.step_end(i, r) = end[r];
            run.time_wait(i, 0, dispatch, r) = wait[r];
        }
    }
};

TEST(WaitSummary, IsOfTheCriticalRankAndTheLargest) {
    Waiting w;
    w.pass(0, 0, {1, 4}, {3, 0}, {20, 15});
    w.pass(1, 0, {1, 6}, {5, 0}, {25, 15});  // the median iteration
    w.pass(2, 0, {9, 1}, {0, 8}, {30, 15});
    auto const rows = summarise(w.run);
    EXPECT_EQ(summary_value(rows, "critical_rank"), 0);
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_phase_dispatch"), 9);
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_wait_dispatch"), 5);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_largest_wait_p50"), 5);  // of 3, 5, 8
    EXPECT_TRUE(std::isnan(summary_value(rows, "critical_wait_expert")));
    EXPECT_TRUE(std::isnan(summary_value(rows, "critical_wait_combine")));
}

TEST(WaitSummary, TooShortForTheClocksIsNoneUnlessNothingElseIsKnown) {
    Waiting w;
    w.pass(0, 0, {1, 4}, {nan, 0}, {20, 15});
    w.pass(1, 0, {1, 6}, {nan, 0}, {25, 15});
    w.pass(2, 0, {1, 9}, {8, 0}, {30, 15});
    auto rows = summarise(w.run);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_largest_wait_p50"), 0);  // of 0, 0, 8
    EXPECT_TRUE(std::isnan(summary_value(rows, "critical_wait_dispatch")));
    w.pass(2, 0, {1, 9}, {nan, 0}, {30, 15});
    rows = summarise(w.run);
    EXPECT_TRUE(std::isnan(summary_value(rows, "phase_dispatch_largest_wait_p50")));
    for (int i = 0; i < 3; ++i) w.pass(i, 0, {1, 1}, {0, 0}, {20, 15});
    rows = summarise(w.run);
    EXPECT_EQ(summary_value(rows, "phase_dispatch_largest_wait_p50"), 0);  // known to be none
    EXPECT_EQ(summary_value(rows, "critical_wait_dispatch"), 0);
}

TEST(WaitSummary, OfARunWithoutWaitsHasNoRows) {
    for (auto const& row : summarise(test::synthetic_run({}, 1)))
        EXPECT_EQ(row.metric.find("wait"), std::string::npos) << row.metric;
}

TEST(FreeRun, CountsOfTheCriticalRankWhatLiesInItsIteration) {
    Waiting w;  // rank 0 enters dispatch at 2, when rank 1 is still in the iteration before, to 5
    for (int i = 0; i < 3; ++i) w.pass(i, 5, {2, 6}, {4, 0}, {20, 15});
    auto const rows = summarise(w.run);
    EXPECT_DOUBLE_EQ(summary_value(rows, "step_time"), 15);
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_step_time"), 15);
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_phase_dispatch"), 5);  // 5 to 10, not 2 to 10
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_wait_dispatch"), 1);   // 5 to 6, not 2 to 6
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_other"), 0);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_p50"), 8);  // the phase itself, whole
}

}  // namespace
}  // namespace epsim
