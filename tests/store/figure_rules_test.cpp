#include "store/figure_rules.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "core/build_info.hpp"
#include "store/random_record.hpp"

namespace epsim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> violations(RunRecord const& record) {
    std::vector<std::string> found;
    for (auto const& finding : check_figures(record))
        if (!finding.violation.empty()) found.push_back(finding.rule + ": " + finding.violation);
    return found;
}

/// What is broken in a record after a change, beside its summary, which is made anew.
template <class Spoil>
std::string broken(Spoil&& spoil) {
    auto record = random_record(4, {.tokens = 50});
    spoil(record);
    record.summary = summarise(record);
    std::string all;
    for (auto const& text : violations(record)) all += text + "\n";
    return all;
}

/// The first phase that is there.
int64_t present(RunRecord const& r) {
    for (int64_t p = 0; p < r.time_start.extent(2); ++p)
        if (r.time_start(0, 0, p, 1) == r.time_start(0, 0, p, 1)) return p;
    return 0;
}

TEST(Figures, HoldForRandomRuns) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        int64_t const s = seed;
        EXPECT_THAT(
            violations(random_record(seed, {s % 3, 1 + s % 2, 1 + s % 3, 1 + s % 7, 1 + s % 11,
                                            s % 5 * 7, 1 + s % 4, 1 + s % 2, 0, 1})),
            ElementsAre());
    }
}

TEST(Figures, AMapOfPairsHasEveryPair) {
    RunRecord record;
    record.tags = {"exchange-only", "pairs"};
    record.topology.resize(3);
    record.checked = 6;
    record.size = {8, 4096};
    record.link_seconds = Array<double, 3>({2, 3, 3}, 1e-6);
    record.summary = summarise(record);
    EXPECT_THAT(violations(record), ElementsAre());
    record.link_seconds(1, 2, 0) = nan;
    record.summary = summarise(record);
    EXPECT_THAT(violations(record),
                ElementsAre(HasSubstr("measured, both ways: 4096 B from rank 2 to rank 0")));
}

TEST(Figures, TimesThatCannotBeAreNamed) {
    EXPECT_THAT(broken([](RunRecord&) {}), IsEmpty());
    EXPECT_THAT(broken([](RunRecord& r) { r.step_end(0, 0) = r.step_start(0, 0) - 1; }),
                HasSubstr("an iteration runs from"));
    EXPECT_THAT(broken([](RunRecord& r) { r.step_start(1, 2) = r.step_end(1, 2) = nan; }),
                HasSubstr("every iteration ended on every rank: iteration 1, rank 2"));
    EXPECT_THAT(broken([](RunRecord& r) { r.time_end(0, 0, present(r), 1) = 100; }),
                HasSubstr("within the clocks' error: iteration 0, layer 1"));
    EXPECT_THAT(broken([](RunRecord& r) { r.time_start(0, 0, present(r), 1) = -100; }),
                HasSubstr("within the clocks' error: iteration 0, layer 1"));
}

TEST(Figures, ToleranceIsTwiceTheClocksError) {
    auto const late_by = [](double late) {
        return broken([late](RunRecord& r) {
            r.clock_error = Array<double, 2>({1, 3}, 0.25);
            r.time_end(0, 0, present(r), 1) = r.step_end(0, 1) + late;
        });
    };
    EXPECT_THAT(late_by(0.49), IsEmpty());
    EXPECT_THAT(late_by(0.51), HasSubstr("phases lie in their iteration"));
}

TEST(Figures, UnfinishedAndFreeRunsMayDoWhatOthersMayNot) {
    EXPECT_THAT(broken([](RunRecord& r) {
                    r.status = "interrupted";
                    r.step_start(1, 2) = r.step_end(1, 2) = nan;
                }),
                IsEmpty());
    EXPECT_THAT(broken([](RunRecord& r) {
                    r.config = "[inject]\nstart = \"no\"\n[measure]\nstart = \"free\"\n";
                    r.time_start(0, 0, present(r), 1) = -100;
                }),
                IsEmpty());
    EXPECT_THAT(broken([](RunRecord& r) {
                    r.config = "[measure]\nstart = \"aligned\"\n[other]\nstart = \"free\"\n";
                    r.time_start(0, 0, present(r), 1) = -100;
                }),
                HasSubstr("phases lie in their iteration"));
}

TEST(Figures, WhatTheOracleFoundIsNamed) {
    EXPECT_THAT(broken([](RunRecord& r) { r.wrong = 2; }),
                HasSubstr("the oracle found nothing wrong: 2 of"));
    EXPECT_THAT(broken([](RunRecord& r) { r.max_error = 1.5; }), HasSubstr("is 1.5 of its bound"));
    EXPECT_THAT(broken([](RunRecord& r) { r.max_error = nan; }), HasSubstr("is nan of its bound"));
    EXPECT_THAT(broken([](RunRecord& r) { r.checked = 0; }),
                HasSubstr("outputs were checked: none was"));
    EXPECT_THAT(broken([](RunRecord& r) {
                    r.checked = 0;
                    r.config = "[measure]\nverify = \"off\"\n";
                }),
                IsEmpty());
}

TEST(Figures, SummaryIsRecomputed) {
    auto const spoilt = [](bool ours, auto&& spoil) {
        auto record = random_record(4, {.tokens = 50});
        if (ours) {
            record.software_version = build_info().version;
            record.git_sha = build_info().git_sha;
        }
        spoil(record.summary);
        return violations(record);
    };
    using Rows = std::vector<SummaryRow>;
    for (bool const ours : {true, false}) {
        EXPECT_THAT(spoilt(ours, [](Rows&) {}), IsEmpty());
        EXPECT_THAT(spoilt(ours, [](Rows& rows) { rows[0].value *= 1 + 1e-12; }), IsEmpty());
        EXPECT_THAT(spoilt(ours, [](Rows& rows) { rows[0].value *= 1 + 1e-6; }),
                    ElementsAre(HasSubstr("/summary is that of the arrays: ")));
        EXPECT_THAT(spoilt(ours, [](Rows& rows) { rows[0].value = nan; }),
                    ElementsAre(HasSubstr("is nan, not")));
    }
    auto const remove = [](Rows& rows) { rows.pop_back(); };
    auto const add = [](Rows& rows) { rows.push_back({"new", 1, "", nan, nan, 1, ""}); };
    EXPECT_THAT(spoilt(true, remove), ElementsAre(HasSubstr("is missing")));
    EXPECT_THAT(spoilt(true, add), ElementsAre(HasSubstr("new is no metric of this version")));
    EXPECT_THAT(spoilt(false, remove), IsEmpty());
    EXPECT_THAT(spoilt(false, add), IsEmpty());
}

}  // namespace
}  // namespace epsim
