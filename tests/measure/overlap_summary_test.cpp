#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Two steps, one layer, two ranks: every iteration of step s takes 10 (s + 1) s, rank 1 is last.
RunRecord overlapped_run() {
    auto run = test::synthetic_run({2, 1, 2, 2, 2, 1, 2}, 3);
    run.time_wait = {};
    for (int64_t i = 0; i < std::ssize(run.step_of); ++i)
        for (int64_t r = 0; r < 2; ++r) {
            double const length = 10.0 * (run.step_of[static_cast<std::size_t>(i)] + 1);
            run.step_start(i, r) = 0;
            run.step_end(i, r) = r == 1 ? length : length / 2;
            for (int64_t p = 0; p < static_cast<int64_t>(phase_count); ++p) {
                run.time_start(i, 0, p, r) = 0;
                run.time_end(i, 0, p, r) = 1;
            }
            // Experts of the critical rank: 2 s and 1 s a chunk; the other's do not count.
            for (int32_t chunk = 0; chunk < 2; ++chunk)
                run.events.push_back({static_cast<int32_t>(i), 0, static_cast<int32_t>(r),
                                      static_cast<int32_t>(Phase::expert), chunk, 0, 4.0 * chunk,
                                      4.0 * chunk + (r == 1 ? 2 - chunk : 50)});
        }
    run.sequential_step = {13, 26};  // means: 19.5, of 15 with overlap
    run.sequential_phase = Array<double, 4>({2, 1, phase_count, 2}, nan);
    for (int64_t s = 0; s < 2; ++s) {
        auto const set = [&](Phase phase, double seconds) {
            run.sequential_phase(s, 0, static_cast<int64_t>(phase), 0) = 99;
            run.sequential_phase(s, 0, static_cast<int64_t>(phase), 1) = seconds;
        };
        set(Phase::permute, 1);
        set(Phase::expert, s == 0 ? 2 : 2.8);  // mean 2.4
        set(Phase::counts, 1);
        set(Phase::dispatch, 3);
        set(Phase::combine, 4);
    }
    return run;
}

TEST(OverlapSummary, IsByItsFormulasOfTheCriticalRank) {
    auto const rows = summarise(overlapped_run());
    EXPECT_EQ(summary_value(rows, "critical_rank"), 1);
    EXPECT_DOUBLE_EQ(summary_value(rows, "step_time"), 15);
    EXPECT_DOUBLE_EQ(summary_value(rows, "sequential_step_time"), 19.5);
    EXPECT_DOUBLE_EQ(summary_value(rows, "overlap_communication"), 8);
    EXPECT_DOUBLE_EQ(summary_value(rows, "overlap_compute"), 3.4);
    EXPECT_DOUBLE_EQ(summary_value(rows, "overlap_hidden"), 4.5);
    EXPECT_DOUBLE_EQ(summary_value(rows, "overlap_efficiency"), 4.5 / 3.4);
    EXPECT_DOUBLE_EQ(summary_value(rows, "expert_slowdown"), 3 / 2.4);
    // Phases overlap: nothing is left over, and none has a rate.
    EXPECT_TRUE(std::isnan(summary_value(rows, "critical_other")));
    EXPECT_TRUE(std::isnan(summary_value(rows, "dispatch_algbw")));
}

TEST(OverlapSummary, LeavesOutStepsThatWereNotMeasured) {
    auto run = overlapped_run();
    for (std::size_t i = 0; i < run.step_of.size(); ++i)
        if (run.step_of[i] == 1) run.is_warmup[i] = 1;
    auto const rows = summarise(run);
    EXPECT_DOUBLE_EQ(summary_value(rows, "sequential_step_time"), 13);
    EXPECT_DOUBLE_EQ(summary_value(rows, "overlap_hidden"), 3);
    EXPECT_DOUBLE_EQ(summary_value(rows, "expert_slowdown"), 3 / 2.0);
}

TEST(OverlapSummary, NeedsNoIntervalsAndIsAbsentWithoutOverlap) {
    auto run = overlapped_run();
    run.events.clear();
    auto rows = summarise(run);
    EXPECT_TRUE(std::isnan(summary_value(rows, "expert_slowdown")));
    EXPECT_DOUBLE_EQ(summary_value(rows, "overlap_hidden"), 4.5);
    run.sequential_step.clear();
    EXPECT_THROW(summarise(run), InputError) << "phases without their steps";
    run.sequential_phase = {};
    rows = summarise(run);
    EXPECT_TRUE(std::isnan(summary_value(rows, "overlap_efficiency")));
    EXPECT_TRUE(std::isfinite(summary_value(rows, "critical_other")));
}

}  // namespace
}  // namespace epsim
