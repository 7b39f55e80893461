#include <gtest/gtest.h>

#include <cmath>

#include "measure/summary.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

/// Two steps, one layer, four experts; loads as given.
RunRecord gated(std::vector<int64_t> const& served, std::vector<int64_t> const& dropped) {
    auto run = test::synthetic_run({.steps = 2, .layers = 1, .ranks = 1, .experts = 4}, 1);
    for (std::size_t i = 0; i < served.size(); ++i) {
        run.expert_tokens.flat()[i] = served[i];
        run.dropped.flat()[i] = dropped[i];
    }
    run.health_figure = {"z_loss", "capacity"};
    run.health = Array<double, 3>({2, 1, 2});
    return run;
}

TEST(GateSummary, FiguresAreMeansAndLargestOfWhatIsKnown) {
    auto run = gated({1, 1, 1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0, 0, 0});
    run.health(0, 0, 0) = 3;
    run.health(1, 0, 0) = 5;
    run.health(0, 0, 1) = run.health(1, 0, 1) = NAN;
    auto const rows = summarise(run);
    EXPECT_DOUBLE_EQ(summary_value(rows, "gate_z_loss"), 4);
    EXPECT_DOUBLE_EQ(summary_value(rows, "gate_z_loss_max"), 5);
    EXPECT_TRUE(std::isnan(summary_value(rows, "gate_capacity")));
    EXPECT_TRUE(std::isnan(summary_value(rows, "gate_capacity_padding")));
}

TEST(GateSummary, CountsPaddingAndExpertsThatCollapsed) {
    auto run = gated({128, 1, 0, 129, 128, 0, 0, 100}, {0, 0, 1, 0, 0, 0, 1, 0});
    run.health(0, 0, 1) = 516;
    run.health(1, 0, 1) = 484;
    auto const rows = summarise(run);
    double const served = 486, blocks = 0 + 127 + 0 + 127 + 0 + 0 + 0 + 28;
    EXPECT_DOUBLE_EQ(summary_value(rows, "gate_capacity_padding"), (1000 - served) / 1000);
    EXPECT_DOUBLE_EQ(summary_value(rows, "gate_block_padding"), blocks / (blocks + served));
    // Of 488 chosen, 1 and 2 are under or at 1.22.
    EXPECT_DOUBLE_EQ(summary_value(rows, "gate_collapsed"), 1);
}

TEST(GateSummary, WithoutAGateThereIsNone) {
    auto const rows = summarise(test::synthetic_run({}, 1));
    EXPECT_TRUE(std::isnan(summary_value(rows, "gate_z_loss")));
}

}  // namespace
}  // namespace epsim
