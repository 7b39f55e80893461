#include "report/comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/error.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Figures = std::map<std::string, double>;

/// A launch with figures in s, of `tokens`; its uuid is new each time.
Launch launch(Facts config, Figures const& figures, double tokens = 100) {
    static int number = 0;
    Launch made;
    made.run_uuid = std::to_string(++number);
    made.path = "run" + made.run_uuid;
    made.kind = "measured";
    made.config = std::move(config);
    for (auto const& [metric, value] : figures)
        made.summary.push_back({metric, value, "s", nan, nan, 1, ""});
    if (auto const step = figures.find("step_time"); step != figures.end())
        made.summary.push_back({"throughput", tokens / step->second, "token/s", nan, nan, 1, ""});
    return made;
}

/// `n` launches of a case whose figures scatter by `sd`.
Side side(Facts const& config, Figures const& figures, int n = 5, double sd = 0.005,
          unsigned seed = 1) {
    std::mt19937 random(seed);
    Side made{"side", {}};
    for (int i = 0; i < n; ++i) {
        Figures drawn = figures;
        for (auto& [metric, value] : drawn)
            value *= std::exp(sd * std::normal_distribution<double>()(random));
        made.launches.push_back(launch(config, drawn));
    }
    return made;
}

void append(Side& to, Side const& more) {
    to.launches.insert(to.launches.end(), more.launches.begin(), more.launches.end());
}

std::string refusal(std::vector<Side> sides, ComparisonOptions const& options = {}) {
    try {
        compare(std::move(sides), options);
    } catch (InputError const& e) {
        return e.what();
    }
    return "";
}

TEST(CaseMatch, OneCaseEachIsComparedWhateverDiffers) {
    auto const a = side({{"x", "1"}, {"y", "1"}, {"z", "1"}}, {{"step_time", 1}});
    auto const b = side({{"x", "2"}, {"y", "1"}, {"w", "3"}}, {{"step_time", 1}});
    auto const match = match_cases(a, b);
    ASSERT_EQ(match.cases.size(), 1);
    EXPECT_TRUE(match.cases[0].key.empty());
    EXPECT_EQ(match.cases[0].a.size(), 5);
    auto const result = compare({a, b}, {});
    ASSERT_EQ(result.pairs[0].config.size(), 3);
    EXPECT_EQ(result.pairs[0].config[0].key, "w");
    EXPECT_THAT(result.pairs[0].config[0].a, ElementsAre("-"));
    EXPECT_THAT(result.pairs[0].config[0].b, ElementsAre("3"));
    EXPECT_EQ(result.pairs[0].config[1].key, "x");
    EXPECT_THAT(result.pairs[0].config[1].b, ElementsAre("2"));
}

TEST(CaseMatch, SeveralCasesFindTheirPartnersByTheKeysThatVary) {
    Side a{"a", {}}, b{"b", {}};
    for (auto const* tokens : {"512", "1024", "2048"})
        append(a, side({{"tokens", tokens}, {"algorithm", "alltoallv"}}, {{"step_time", 1}}));
    for (auto const* tokens : {"4096", "2048", "512"})
        append(b, side({{"tokens", tokens}, {"algorithm", "ring"}}, {{"step_time", 1}}, 6));
    auto const match = match_cases(a, b);
    ASSERT_EQ(match.cases.size(), 2);
    EXPECT_EQ(match.cases[0].key, (Facts{{"tokens", "2048"}}));
    EXPECT_EQ(match.cases[1].key, (Facts{{"tokens", "512"}}));
    for (auto const& found : match.cases) {
        EXPECT_EQ(found.a.size(), 5);
        EXPECT_EQ(found.b.size(), 6);
        for (auto const* each : found.a)
            EXPECT_EQ(each->config.at("tokens"), found.key.at("tokens"));
        for (auto const* each : found.b)
            EXPECT_EQ(each->config.at("tokens"), found.key.at("tokens"));
    }
    EXPECT_THAT(match.only_a, ElementsAre(Facts{{"tokens", "1024"}}));
    EXPECT_THAT(match.only_b, ElementsAre(Facts{{"tokens", "4096"}}));
}

TEST(CaseMatch, ACaseThatOneSideVariesMatchesOnlyItsEqual) {
    auto const a = side({{"tokens", "512"}}, {{"step_time", 1}});
    Side b = side({{"tokens", "512"}}, {{"step_time", 1}});
    append(b, side({{"tokens", "1024"}}, {{"step_time", 1}}));
    auto const match = match_cases(a, b);
    ASSERT_EQ(match.cases.size(), 1);
    EXPECT_EQ(match.cases[0].b.size(), 5);
    EXPECT_EQ(match.only_b.size(), 1);
}

TEST(CaseMatch, WhatEachLaunchHasForItselfIsNoDifference) {
    Facts const one{{"host", "x"}, {"pid", "1"}}, two{{"host", "x"}, {"pid", "2"}},
        three{{"host", "y"}, {"pid", "3"}}, four{{"host", "y"}, {"pid", "4"}};
    auto const found = differences({&one, &two}, {&three, &four});
    ASSERT_EQ(found.size(), 1);
    EXPECT_EQ(found[0].key, "host");
}

TEST(Comparison, FindsTheSlowerTimeAndTheLowerThroughput) {
    auto const a =
        side({}, {{"step_time", 2e-3}, {"phase_expert_p50", 1e-3}, {"phase_dispatch_p50", 2e-4}});
    auto const b = side(
        {}, {{"step_time", 2.1e-3}, {"phase_expert_p50", 1.2e-3}, {"phase_dispatch_p50", 2e-4}}, 5,
        0.005, 2);
    auto const result = compare({a, b}, {});
    auto const& rows = result.pairs.at(0).cases.at(0).rows;
    ASSERT_EQ(rows.size(), 4);
    EXPECT_EQ(rows[0].metric, "step_time");
    EXPECT_EQ(rows[1].metric, "throughput");
    EXPECT_EQ(rows[2].metric, "phase_dispatch_p50");
    EXPECT_EQ(rows[3].metric, "phase_expert_p50");
    EXPECT_EQ(rows[0].verdict, Verdict::slower);
    EXPECT_EQ(rows[1].verdict, Verdict::slower);
    EXPECT_EQ(rows[2].verdict, Verdict::same);
    EXPECT_EQ(rows[3].verdict, Verdict::slower);
    EXPECT_EQ(compare({b, a}, {}).pairs[0].cases[0].rows[1].verdict, Verdict::faster);
}

TEST(Comparison, StepTimesAreAFamilyAndThroughputIsNotCountedTwice) {
    Figures figures{{"step_time", 1.0}};
    for (auto const* phase : {"layout", "counts", "permute", "expert"})
        figures[std::string("phase_") + phase + "_p50"] = 0.1;
    Side a{"a", {}}, b{"b", {}};
    for (auto const* tokens : {"1", "2", "3"}) {
        append(a, side({{"tokens", tokens}}, figures, 5, 0.02, 7));
        append(b, side({{"tokens", tokens}}, figures, 5, 0.02, 8));
    }
    auto const result = compare({a, b}, {});
    std::vector<double> primary, others;
    for (auto const& each : result.pairs[0].cases)
        for (auto const& row : each.rows) {
            if (row.metric == "step_time") primary.push_back(row.difference.p);
            if (row.metric.starts_with("phase_")) others.push_back(row.difference.p);
        }
    auto const corrected_primary = holm(primary), corrected_others = holm(others);
    std::size_t p = 0, o = 0;
    for (auto const& each : result.pairs[0].cases)
        for (auto const& row : each.rows) {
            if (row.metric == "step_time")
                EXPECT_EQ(row.corrected_p, corrected_primary[p++]);
            else if (row.metric == "throughput")
                EXPECT_EQ(row.corrected_p, each.rows[0].corrected_p);
            else
                EXPECT_EQ(row.corrected_p, corrected_others[o++]);
        }
    EXPECT_EQ(p, 3);
    EXPECT_EQ(o, 12);
}

TEST(Comparison, ThroughputOfOtherTokensIsAHypothesisOfItsOwn) {
    Side const a = side({{"tokens", "100"}}, {{"step_time", 1}});
    Side b{"b", {}};
    for (auto const& each : a.launches)
        b.launches.push_back(
            launch({{"tokens", "200"}}, {{"step_time", each.summary[0].value}}, 200));
    auto const rows = compare({a, b}, {}).pairs[0].cases[0].rows;
    EXPECT_EQ(rows[0].verdict, Verdict::same);
    EXPECT_NEAR(rows[1].difference.ratio, 2, 1e-9);
    EXPECT_EQ(rows[1].verdict, Verdict::faster);
}

TEST(Comparison, EverySideIsComparedWithTheFirst) {
    auto const result = compare({side({}, {{"step_time", 1}}), side({}, {{"step_time", 2}}),
                                 side({}, {{"step_time", 0.5}})},
                                {});
    ASSERT_EQ(result.pairs.size(), 2);
    EXPECT_EQ(result.pairs[0].side, 1);
    EXPECT_EQ(result.pairs[0].cases[0].rows[0].verdict, Verdict::slower);
    EXPECT_EQ(result.pairs[1].side, 2);
    EXPECT_EQ(result.pairs[1].cases[0].rows[0].verdict, Verdict::faster);
}

TEST(Comparison, FourLaunchesAreTooFewAndAreNotTested) {
    auto const result =
        compare({side({}, {{"step_time", 1}}, 4), side({}, {{"step_time", 2}})}, {});
    auto const& row = result.pairs[0].cases[0].rows[0];
    EXPECT_EQ(row.verdict, Verdict::ambiguous);
    EXPECT_TRUE(std::isnan(row.corrected_p));
    EXPECT_NEAR(row.difference.ratio, 2, 0.05);
    EXPECT_THAT(result.pairs[0].warnings, ElementsAre(HasSubstr("under 5 launches")));
}

TEST(Comparison, APhaseOfOneSideOnlyHasNoRatio) {
    auto const result = compare(
        {side({}, {{"step_time", 1}, {"phase_gate_p50", 0.1}}), side({}, {{"step_time", 1}})}, {});
    auto const& row = result.pairs[0].cases[0].rows.at(2);
    EXPECT_EQ(row.metric, "phase_gate_p50");
    EXPECT_TRUE(std::isnan(row.difference.ratio));
    EXPECT_EQ(row.verdict, Verdict::ambiguous);
}

TEST(Comparison, WaitsOfPhasesAreRowsToo) {
    auto const waits = [](double dispatch) {
        return side({}, {{"step_time", 1},
                         {"phase_dispatch_largest_wait_p50", dispatch},
                         {"phase_combine_largest_wait_p50", 0},
                         {"critical_wait_dispatch", 1}});
    };
    auto const rows = compare({waits(0.1), waits(0.2)}, {}).pairs[0].cases[0].rows;
    ASSERT_EQ(rows.size(), 3);
    EXPECT_EQ(rows[2].metric, "phase_dispatch_largest_wait_p50");
    EXPECT_EQ(rows[2].verdict, Verdict::slower);
}

TEST(Comparison, TheGateFailsOnWhatIsCertainAndOverIt) {
    auto const gate = [](double slowdown, ComparisonOptions options, int n = 5) {
        return compare({side({}, {{"step_time", 1}}, n),
                        side({}, {{"step_time", slowdown}, {"phase_expert_p50", 1}}, n, 0.005, 3)},
                       options)
            .gate_failed();
    };
    EXPECT_TRUE(gate(1.10, {.threshold = 0.05, .gate = 0.05}));
    EXPECT_FALSE(gate(1.10, {.threshold = 0.05}));
    EXPECT_FALSE(gate(1.04, {.threshold = 0.05, .gate = 0.05}));
    EXPECT_FALSE(gate(1.04, {.threshold = 0.03, .gate = 0.05}));  // slower, but under the gate
    EXPECT_FALSE(gate(0.90, {.threshold = 0.05, .gate = 0.05}));
    EXPECT_FALSE(gate(1.50, {.threshold = 0.05, .gate = 0.05}, 4));  // too few launches
}

TEST(Comparison, RefusesToMix) {
    auto const a = side({}, {{"step_time", 1}});
    auto oversubscribed = side({}, {{"step_time", 1}}), tagged = side({}, {{"step_time", 1}});
    oversubscribed.launches[3].kind = "oversubscribed";
    tagged.launches[4].tags = {"warm-weights"};
    EXPECT_THAT(refusal({a, oversubscribed}),
                AllOf(HasSubstr("oversubscribed"), HasSubstr("--allow-mixed")));
    EXPECT_THAT(refusal({oversubscribed, a}), HasSubstr("--allow-mixed"));
    EXPECT_THAT(refusal({a, tagged}), HasSubstr("warm-weights"));
    EXPECT_EQ(refusal({a, oversubscribed}, {.allow_mixed = true}), "");
}

TEST(Comparison, RefusesWhatCannotBeCompared) {
    auto const a = side({}, {{"step_time", 1}});
    EXPECT_THAT(refusal({a}), HasSubstr("one side"));
    EXPECT_THAT(refusal({a, a}), HasSubstr("the same launch"));
    EXPECT_THAT(refusal({a, side({}, {{"step_time", 1}}, 6)}, {.analysis = Analysis::paired}),
                HasSubstr("pairs"));
    Side several = side({{"tokens", "1"}}, {{"step_time", 1}});
    append(several, side({{"tokens", "2"}}, {{"step_time", 1}}));
    EXPECT_THAT(refusal({several, side({{"tokens", "3"}}, {{"step_time", 1}})}),
                HasSubstr("no case in common"));
}

TEST(Comparison, SaysWhenLaunchesWereNotInterleaved) {
    auto a = side({}, {{"step_time", 1}}), b = side({}, {{"step_time", 1}});
    for (std::size_t i = 0; i < 5; ++i) {
        a.launches[i].date = "2026-01-01T00:00:0" + std::to_string(i) + "Z";
        b.launches[i].date = "2026-01-01T00:00:1" + std::to_string(i) + "Z";
    }
    EXPECT_THAT(compare({a, b}, {}).pairs[0].warnings, ElementsAre(HasSubstr("ab.sh")));
    EXPECT_THAT(compare({b, a}, {}).pairs[0].warnings, ElementsAre(HasSubstr("ab.sh")));
    b.launches[0].date = "2026-01-01T00:00:03Z";
    EXPECT_TRUE(compare({a, b}, {}).pairs[0].warnings.empty());
}

TEST(Launch, ACaseIsItsConfigurationItsRanksAndItsTrace) {
    auto run = test::synthetic_run({}, 1);
    auto const facts = make_launch(run, "x").config;
    EXPECT_EQ(facts.at("model.hidden"), "64");
    EXPECT_EQ(facts.at("ranks"), "4");
    auto other = run;
    other.provenance["trace"]["sha256"] = "abc";
    other.provenance["machine"]["hostname"] = "elsewhere";
    other.config += "[output]\ndir = \"elsewhere\"\n";
    auto changed = make_launch(other, "x").config;
    EXPECT_EQ(changed.at("sha256 of routing.trace"), "abc");
    changed.erase("sha256 of routing.trace");
    EXPECT_EQ(changed, facts);
}

}  // namespace
}  // namespace epsim
