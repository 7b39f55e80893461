#include <gtest/gtest.h>

#include "core/error.hpp"
#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

using test::synthetic_run;

/// One layer, two ranks, two steps of two passes, all phases absent but dispatch and expert.
RunRecord known_run() {
    auto run = synthetic_run({2, 1, 2, 2, 2, 1, 2}, 1);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::ranges::fill(run.time_start.flat(), nan);
    std::ranges::fill(run.time_end.flat(), nan);
    auto const set = [&](int i, double dispatch0, double dispatch1, double expert0,
                         double expert1) {
        double const dispatch[] = {dispatch0, dispatch1}, expert[] = {expert0, expert1};
        for (int r = 0; r < 2; ++r) {
            run.step_start(i, r) = 0;
            run.time_start(i, 0, static_cast<int>(Phase::dispatch), r) = 1;
            run.time_end(i, 0, static_cast<int>(Phase::dispatch), r) = 1 + dispatch[r];
            run.time_start(i, 0, static_cast<int>(Phase::expert), r) = 1 + dispatch[r];
            run.step_end(i, r) = run.time_end(i, 0, static_cast<int>(Phase::expert), r) =
                1 + dispatch[r] + expert[r];
        }
    };
    set(0, 900, 900, 900, 900);  // warm-up
    set(1, 900, 900, 900, 900);
    set(2, 2, 1, 3, 7);  // step 0: ranks end at 6 and 9
    set(3, 4, 2, 1, 1);  // step 1: 6 and 4
    set(4, 2, 3, 3, 9);  // step 0: 6 and 13
    set(5, 6, 1, 1, 1);  // step 1: 8 and 3
    run.step_tokens = {100, 80};
    return run;
}

TEST(SummaryOfAKnownRun, IsWhatOneComputesByHand) {
    auto const rows = summarise(known_run());
    EXPECT_DOUBLE_EQ(summary_value(rows, "throughput"), 180.0 / (11 + 7));
    EXPECT_DOUBLE_EQ(summary_value(rows, "step_time"), 9);
    EXPECT_DOUBLE_EQ(summary_value(rows, "step_time_p50"), 8.5);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_p50"), (2.5 + 5) / 2);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_fastest_p50"), (1.5 + 1.5) / 2);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_max"), (3.0 + 6) / 2);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_expert_share"), (8.0 + 1) / 2 / 9);
    EXPECT_EQ(summary_value(rows, "critical_rank"), 0);  // a tie, two each
    // Rank 0 in the shorter iterations, 2 and 3.
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_step_time"), (6.0 + 6) / 2);
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_phase_dispatch"), (2.0 + 4) / 2);
    EXPECT_DOUBLE_EQ(summary_value(rows, "critical_other"), 1);
    EXPECT_TRUE(std::isnan(summary_value(rows, "phase_gate_p50")));
    EXPECT_TRUE(std::isnan(summary_value(rows, "step_time_p95")));
}

TEST(SummaryOfAKnownRun, HasHighPercentilesOnlyWithEnoughSamples) {
    auto const of = [](int passes, char const* metric) {
        return summary_value(summarise(synthetic_run({1, 1, 1, 1, passes, 1, 1}, 2)), metric);
    };
    EXPECT_TRUE(std::isnan(of(58, "step_time_p95")));
    EXPECT_TRUE(std::isfinite(of(59, "step_time_p95")));
    EXPECT_TRUE(std::isnan(of(298, "step_time_p99")));
    EXPECT_TRUE(std::isfinite(of(299, "step_time_p99")));
}

TEST(SummaryOfAnInterruptedRun, CoversTheStepsThatWereMeasured) {
    auto run = known_run();
    run.is_warmup[3] = 1;
    run.step_end(5, 1) = std::numeric_limits<double>::quiet_NaN();  // never ended there
    auto const rows = summarise(run);
    EXPECT_DOUBLE_EQ(summary_value(rows, "throughput"), 100.0 / 11);
    EXPECT_DOUBLE_EQ(summary_value(rows, "phase_dispatch_p50"), 2.5);
    EXPECT_TRUE(
        std::isnan(summary_value(rows, "dispatch_algbw")));  // a pass's bytes, half its time
}

TEST(SummaryOfAnInterruptedRun, WithoutMeasuredIterationsHasNoTimes) {
    auto run = synthetic_run({2, 3, 4, 8, 2, 1, 4}, 1);
    std::ranges::fill(run.is_warmup, 1);
    auto const rows = summarise(run);
    EXPECT_TRUE(std::isnan(summary_value(rows, "throughput")));
    EXPECT_TRUE(std::isnan(summary_value(rows, "critical_rank")));
    EXPECT_TRUE(std::isfinite(summary_value(rows, "expert_max_over_mean")));
    for (auto const& row : rows)
        if (row.metric == "throughput") {
            EXPECT_EQ(row.n, 0);
        }
}

TEST(SummaryOfAnEmptyRecord, HasNoFigures) {
    for (auto const& row : summarise(RunRecord{}))
        EXPECT_TRUE(std::isnan(row.value)) << row.metric << " " << row.value;
}

TEST(SummaryOfNoTokens, HasNoImbalance) {
    auto run = synthetic_run({2, 1, 2, 4, 2, 0, 2}, 1);
    std::ranges::fill(run.expert_tokens.flat(), 0);
    std::ranges::fill(run.rank_tokens.flat(), 0);
    std::ranges::fill(run.step_tokens, 0);
    auto const rows = summarise(run);
    EXPECT_EQ(summary_value(rows, "throughput"), 0);
    EXPECT_EQ(summary_value(rows, "expert_idle"), 4);
    EXPECT_TRUE(std::isnan(summary_value(rows, "rank_max_over_mean")));
    EXPECT_TRUE(std::isnan(summary_value(rows, "drop_rate")));
}

TEST(RunCheck, RefusesArraysThatDisagree) {
    auto const refuses = [](auto change) {
        auto run = known_run();
        change(run);
        EXPECT_THROW(summarise(run), InputError);
    };
    refuses([](RunRecord& run) { run.rank_tokens = Array<int64_t, 3>({2, 1, 3}); });
    refuses([](RunRecord& run) { run.payload = Array<int64_t, 4>({1, 2, 2, 3}); });
    refuses([](RunRecord& run) { run.time_end = {}; });
    refuses([](RunRecord& run) { run.is_warmup.pop_back(); });
    refuses([](RunRecord& run) { run.step_of[0] = 2; });
    refuses([](RunRecord& run) { run.step_tokens = {}; });
    refuses([](RunRecord& run) { run.topology[1].node = 1'000'000; });
    refuses([](RunRecord& run) { run.slot_rank[0] = -1; });
    refuses([](RunRecord& run) { run.expert_tokens(0, 0, 0) = -1; });
    refuses([](RunRecord& run) { run.wire(0, 0, 0, 0) = INT64_MAX; });
    EXPECT_NO_THROW(summarise(known_run()));
}

}  // namespace
}  // namespace epsim
