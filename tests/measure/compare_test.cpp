#include "measure/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// scipy 1.10.1: ttest_ind(log b, log a, equal_var=False) and ttest_rel(log b, log a); intervals:
// difference of means -+ t.ppf * standard error at the Welch-Satterthwaite degrees of freedom
// (t.ppf of whole numbers of them agrees to 1e-12, of others to 1e-9).
struct Known {
    std::vector<double> a, b;
    Analysis analysis;
    double ratio, ci_low, ci_high, low90, high90, p;
};
std::vector<double> const five_a{4.10, 4.15, 4.08, 4.21, 4.12},
    five_b{4.33, 4.30, 4.41, 4.35, 4.29};
Known const known[] = {{five_a, five_b, Analysis::welch, 1.04938297119615, 1.03171657749222,
                        1.06735187188048, 1.03512079143162, 1.06384165920717, 0.000185807518159339},
                       {five_a, five_b, Analysis::paired, 1.04938297119615, 1.02548529414705,
                        1.07383755429899, 1.03098457323347, 1.06810969710512, 0.00436837328380506},
                       {{1.0, 1.3, 0.9, 1.1, 1.05, 0.98},
                        {1.02, 1.01, 1.03, 1.0},
                        Analysis::welch,
                        0.968517276891619,
                        0.849211259873468,
                        1.10458464219766,
                        0.873469685268741,
                        1.07390757968773,
                        0.561665890009688}};

TEST(Compare, DifferencesAreThoseOfScipy) {
    for (auto const& k : known) {
        auto const d = difference(k.a, k.b, k.analysis);
        EXPECT_EQ(d.n_a, std::ssize(k.a));
        EXPECT_EQ(d.n_b, std::ssize(k.b));
        EXPECT_NEAR(d.ratio, k.ratio, 1e-12);
        EXPECT_NEAR(d.ci_low, k.ci_low, 1e-8);
        EXPECT_NEAR(d.ci_high, k.ci_high, 1e-8);
        EXPECT_NEAR(d.low90, k.low90, 1e-8);
        EXPECT_NEAR(d.high90, k.high90, 1e-8);
        EXPECT_NEAR(d.p, k.p, 1e-10);
    }
}

TEST(Compare, SidesExchangedInvertTheRatioAndUnitsDoNotMatter) {
    std::mt19937 random(1);
    std::lognormal_distribution<double> draw(0, 0.3);
    for (int trial = 0; trial < 50; ++trial) {
        std::vector<double> a(5 + trial % 3), b(7), a_us;
        for (auto* side : {&a, &b})
            for (double& x : *side) x = draw(random);
        for (double const x : a) a_us.push_back(x * 1e6);
        std::vector<double> b_us(b);
        for (double& x : b_us) x *= 1e6;
        auto const ab = difference(a, b, Analysis::welch), ba = difference(b, a, Analysis::welch);
        auto const us = difference(a_us, b_us, Analysis::welch);
        EXPECT_NEAR(ab.ratio * ba.ratio, 1, 1e-12);
        EXPECT_NEAR(ab.ci_low * ba.ci_high, 1, 1e-12);
        EXPECT_NEAR(ab.p, ba.p, 1e-12);
        EXPECT_NEAR(ab.p, us.p, 1e-9);
        EXPECT_NEAR(ab.high90, us.high90, 1e-9);
    }
}

TEST(Compare, PairsCancelWhatTheyShare) {
    std::vector<double> a{1, 2, 4, 8, 16}, b;
    for (double const factor : {1.05, 1.06, 1.05, 1.04, 1.05}) b.push_back(a[b.size()] * factor);
    EXPECT_GT(difference(a, b, Analysis::welch).p, 0.9);
    EXPECT_LT(difference(a, b, Analysis::paired).p, 1e-3);
}

TEST(Compare, PairsNeedPartners) {
    EXPECT_THROW(difference(std::vector{1.0, 2.0}, std::vector{1.0}, Analysis::paired), InputError);
}

TEST(Compare, WithoutScatterSidesDifferOrDoNot) {
    std::vector<double> const a(5, 0.3), b(5, 0.31);
    for (auto const analysis : {Analysis::welch, Analysis::paired}) {
        auto const equal = difference(a, a, analysis), other = difference(a, b, analysis);
        EXPECT_EQ(equal.ratio, 1);
        EXPECT_EQ(equal.p, 1);
        EXPECT_EQ(equal.low90, 1);
        EXPECT_NEAR(other.ci_high, 0.31 / 0.3, 1e-12);
        EXPECT_LT(other.p, 1e-12);
    }
    EXPECT_EQ(judge(difference(a, a, Analysis::welch), 1, {}), Verdict::same);
}

TEST(Compare, WhatHasNoLogOrNoScatterHasNoInterval) {
    std::vector<double> const five(5, 1.0);
    for (double const bad : {nan, 0.0, -1.0, std::numeric_limits<double>::infinity()}) {
        auto const d = difference(five, std::vector{1.0, 1.0, bad, 1.0, 1.0}, Analysis::welch);
        EXPECT_EQ(d.n_b, 5);
        for (double const x : {d.ratio, d.ci_low, d.high90, d.p}) EXPECT_TRUE(std::isnan(x));
        EXPECT_EQ(judge(d, d.p, {}), Verdict::ambiguous);
    }
    auto const one = difference(std::vector{2.0}, std::vector{3.0}, Analysis::welch);
    EXPECT_NEAR(one.ratio, 1.5, 1e-15);
    EXPECT_TRUE(std::isnan(one.p));
    EXPECT_TRUE(std::isnan(difference({}, five, Analysis::welch).ratio));
}

TEST(Compare, HolmOnPublishedNumbers) {
    // The p-values of the worked example in Wikipedia, "Holm-Bonferroni method": by hand
    // 4 x 0.005, 3 x 0.01, 2 x 0.03, and for the last no less than the one before.
    auto const corrected = holm(std::vector{0.01, 0.04, 0.03, 0.005});
    std::vector const expected{0.03, 0.06, 0.06, 0.02};
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(corrected[i], expected[i], 1e-15);
}

TEST(Compare, HolmEdges) {
    EXPECT_TRUE(holm({}).empty());
    EXPECT_EQ(holm(std::vector{0.7, 0.6}), (std::vector{1.0, 1.0}));
    auto const some = holm(std::vector{nan, 0.002, nan, 0.5});
    EXPECT_TRUE(std::isnan(some[0]));
    EXPECT_NEAR(some[1], 0.004, 1e-15);
    EXPECT_NEAR(some[3], 0.5, 1e-15);
}

/// A difference with given 90 % interval.
Difference seen(double ratio, double low90, double high90, int64_t launches = 5) {
    return {launches, launches, ratio, low90, high90, low90, high90, 0};
}

TEST(Compare, DecisionTable) {
    VerdictRule const rule;  // 3 %, 0.02
    struct Row {
        Difference d;
        double p;
        Verdict verdict;
    };
    for (auto const& [d, p, verdict] : {
             Row{seen(1.05, 1.04, 1.06), 0.001, Verdict::slower},
             Row{seen(1 / 1.05, 0.94, 0.96), 0.001, Verdict::faster},
             Row{seen(1.05, 1.04, 1.06), 0.02, Verdict::ambiguous},  // p is not below alpha
             Row{seen(1.05, 1.04, 1.06), nan, Verdict::ambiguous},
             Row{seen(1.05, 1.04, 1.06, 4), 0.001, Verdict::ambiguous},  // too few launches
             Row{seen(1.02, 1.015, 1.025), 1e-6, Verdict::same},         // certain, but within
             Row{seen(1.0, 1 / 1.03, 1.03), 1.0, Verdict::same},         // on the border
             Row{seen(1.0, 1 / 1.031, 1.03), 1.0, Verdict::ambiguous},
             Row{seen(1.0, 0.99, 1.01, 4), 1.0, Verdict::ambiguous},
             Row{seen(1.03, 1.01, 1.05), 0.001, Verdict::ambiguous},  // not over the threshold
             Row{seen(1.0301, 1.01, 1.05), 0.001, Verdict::slower},
             Row{seen(1 / 1.0301, 0.95, 0.99), 0.001, Verdict::faster},
             Row{seen(1.0, 0.9, 1.1), 0.9, Verdict::ambiguous},
         }) {
        EXPECT_EQ(judge(d, p, rule), verdict)
            << d.ratio << " [" << d.low90 << ", " << d.high90 << "] p = " << p;
    }
    VerdictRule const rate{.better = Better::higher};
    EXPECT_EQ(judge(seen(1.05, 1.04, 1.06), 0.001, rate), Verdict::faster);
    EXPECT_EQ(judge(seen(0.95, 0.94, 0.96), 0.001, rate), Verdict::slower);
    EXPECT_EQ(judge(seen(1.05, 1.04, 1.06), 0.001, {.threshold = 0.1}), Verdict::same);
    auto uneven = seen(1.05, 1.04, 1.06, 9);
    uneven.n_b = 4;
    EXPECT_EQ(judge(uneven, 0.001, rule), Verdict::ambiguous);
}

}  // namespace
}  // namespace epsim
