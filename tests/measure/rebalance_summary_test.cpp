#include <gtest/gtest.h>

#include <cmath>

#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

/// Four steps of 10 s, one layer, two ranks, two experts, of which the second has most to do. From
/// step 1 on both are on rank 0.
RunRecord rebalanced_run() {
    auto run = test::synthetic_run({4, 1, 2, 2, 2, 1, 4}, 3);
    run.time_wait = {};
    for (int64_t i = 0; i < std::ssize(run.step_of); ++i)
        for (int64_t r = 0; r < 2; ++r) {
            run.step_start(i, r) = 0;
            run.step_end(i, r) = 10;
            for (int64_t p = 0; p < static_cast<int64_t>(phase_count); ++p) {
                run.time_start(i, 0, p, r) = 0;
                run.time_end(i, 0, p, r) = 1;
            }
        }
    run.slot_expert = Array<int32_t, 3>({2, 1, 3});
    for (int64_t q = 0; q < 3; ++q) run.slot_expert(0, 0, q) = q == 0 ? 0 : 1;
    run.slot_rank = {0, 1, 1};
    run.expert_tokens = run.dropped = Array<int64_t, 3>({4, 1, 2});
    run.rank_tokens = Array<int64_t, 3>({4, 1, 2});
    run.unrouted = Array<int64_t, 2>({4, 1});
    run.step_tokens = {4, 4, 4, 4};
    run.top_k = 1;
    for (int64_t s = 0; s < 4; ++s) {
        run.expert_tokens(s, 0, 0) = 1;
        run.expert_tokens(s, 0, 1) = 3;
        run.rank_tokens(s, 0, 0) = s == 0 ? 1 : 2;
        run.rank_tokens(s, 0, 1) = s == 0 ? 3 : 2;
    }
    run.step_version = {0, 1, 1, 1};
    run.step_moved = {0, 700, 0, 0};
    run.moved_weights = Array<int64_t, 2>({2, 2});
    run.moved_weights(1, 0) = 600;
    run.moved_weights(1, 1) = 100;
    run.decision_step = {1};
    run.decision_seconds = {3};
    run.static_step = {99, 8, 14, 12};
    return run;
}

TEST(RebalanceSummary, IsByItsFormulas) {
    auto const rows = summarise(rebalanced_run());
    auto const value = [&](char const* metric) { return summary_value(rows, metric); };
    EXPECT_EQ(value("rebalance_decisions"), 1);
    EXPECT_EQ(value("rebalance_bytes"), 700);
    EXPECT_EQ(value("rebalance_rank_bytes"), 600);
    EXPECT_EQ(value("rebalance_planning"), 3);
    EXPECT_DOUBLE_EQ(value("rebalanced_balancedness"), 8.0 / (3 + 2 + 2 + 2));
    EXPECT_DOUBLE_EQ(value("static_balancedness"), 2.0 / 3);  // both replicas are on rank 1
    EXPECT_DOUBLE_EQ(value("static_step_time"), (99 + 8 + 14 + 12) / 4.0);
    EXPECT_DOUBLE_EQ(value("rebalance_speedup"), (99 + 8 + 14 + 12) / 40.0);
    // -3 planning, -2, +4, +2: what was saved before the first change is none of its merit.
    EXPECT_EQ(value("break_even_step"), 3);
}

TEST(RebalanceSummary, HasNoBreakEvenWhereThereIsNone) {
    auto run = rebalanced_run();
    run.decision_seconds = {100};
    EXPECT_TRUE(std::isnan(summary_value(summarise(run), "break_even_step")));
    run.decision_step.clear();
    run.decision_seconds.clear();
    EXPECT_TRUE(std::isnan(summary_value(summarise(run), "break_even_step")));
    run.step_version.clear();
    EXPECT_TRUE(std::isnan(summary_value(summarise(run), "rebalance_decisions")));
}

}  // namespace
}  // namespace epsim
