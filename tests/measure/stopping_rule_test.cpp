#include "measure/stopping_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace epsim {
namespace {

using ::testing::HasSubstr;

/// [passes, 2] times of 1 s that spread by `spread`.
Array<double, 2> times_of(int64_t passes, double spread) {
    std::mt19937 random(4);
    std::normal_distribution<double> normal(1, spread);
    Array<double, 2> times({passes, 2});
    for (double& t : times.flat()) t = spread == 0 ? 1 : normal(random);
    return times;
}

/// The number of passes at which the rule stops, asked after each; 0 if it does not within 300.
int64_t stops_at(StoppingRule const& rule, double spread) {
    for (int64_t passes = 1; passes <= 300; ++passes)
        if (!rule.reason(times_of(passes, spread)).empty()) return passes;
    return 0;
}

TEST(StoppingRule, WithoutATargetIsAboutPasses) {
    EXPECT_EQ(stops_at({7, 0, 0}, 0.1), 7);
    EXPECT_EQ(stops_at({7, 20, 0}, 0.1), 7);
    EXPECT_EQ(stops_at({7, 3, 0}, 0.1), 3);  // max_passes wins
    EXPECT_EQ((StoppingRule{7, 0, 0}.reason(times_of(7, 0.1))), "measure.min_passes = 7 done");
    EXPECT_EQ((StoppingRule{7, 3, 0}.reason(times_of(3, 0.1))), "measure.max_passes = 3 reached");
}

TEST(StoppingRule, LooksTwiceEvenAtConstantTimes) {
    EXPECT_EQ(stops_at({8, 0, 0.01}, 0), 10);   // looks at 8 and 10
    EXPECT_EQ(stops_at({20, 0, 0.01}, 0), 25);  // 20 and 25
    EXPECT_EQ(stops_at({2, 0, 0.01}, 0), 9);    // 2, 3, 4 and 5 have no interval; 7, 9
}

TEST(StoppingRule, GoesOnUntilTheIntervalIsNarrow) {
    auto const coarse = stops_at({6, 0, 0.1}, 0.1), fine = stops_at({6, 0, 0.02}, 0.1);
    EXPECT_GE(coarse, 6);
    EXPECT_GT(fine, 2 * coarse);
    EXPECT_EQ(stops_at({6, 0, 0.001}, 0.1), 0);  // needs thousands: no cap of its own
    auto const reason = StoppingRule{6, 0, 0.02}.reason(times_of(fine, 0.1));
    EXPECT_THAT(reason, HasSubstr("measure.target_ci = 2 % reached after "));
    EXPECT_THAT(reason, HasSubstr("step time +- "));
    EXPECT_THAT(reason, HasSubstr("n_eff = "));
}

TEST(StoppingRule, SaysWhatMaxPassesLeftUndone) {
    StoppingRule const rule{5, 12, 0.001};
    EXPECT_EQ(stops_at(rule, 0.1), 12);
    EXPECT_THAT(rule.reason(times_of(12, 0.1)),
                HasSubstr("measure.max_passes = 12 reached before measure.target_ci = 0.1 %: step "
                          "time +- "));
    EXPECT_THAT((StoppingRule{5, 4, 0.01}.reason(times_of(4, 0.1))),
                HasSubstr("n_eff = 4.0 is too few for an interval"));
}

}  // namespace
}  // namespace epsim
