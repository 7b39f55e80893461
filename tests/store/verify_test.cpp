#include "store/verify.hpp"

#include <gmock/gmock.h>

#include "core/error.hpp"
#include "store/conservation.hpp"
#include "store/random_record.hpp"
#include "store/random_routing.hpp"
#include "store/result_file.hpp"
#include "store/run_directory.hpp"
#include "store/temporary_directory.hpp"
#include "store/trace_file.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// The rules that a record breaks, each with what differs.
std::vector<std::string> violations(RunRecord const& record) {
    std::vector<std::string> found;
    for (auto const& finding : check_conservation(record))
        if (!finding.violation.empty()) found.push_back(finding.rule + ": " + finding.violation);
    return found;
}

TEST(Conservation, HoldsForRandomRuns) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        int64_t const s = seed;
        EXPECT_THAT(
            violations(random_record(seed, {s % 3, 1 + s % 2, 1 + s % 3, 1 + s % 7, 1 + s % 11,
                                            s % 5 * 7, 1 + s % 4, s % 2, 0, 0})),
            ElementsAre());
    }
}

/// One number changed anywhere breaks the rule that is about it, which says by how much.
TEST(Conservation, PlantedFaultsAreNamed) {
    auto const broken = [](auto&& spoil) {
        auto record = random_record(4, {.tokens = 50});
        spoil(record);
        std::string all;
        for (auto const& text : violations(record)) all += text + "\n";
        return all;
    };
    EXPECT_THAT(
        broken([](RunRecord& r) { --r.expert_tokens(1, 0, 2); }),
        HasSubstr(
            "tokens x top_k: step 9, layer 1: served + dropped + unrouted is 99, not 100 (-1)"));
    EXPECT_THAT(broken([](RunRecord& r) { ++r.dropped(0, 1, 0); }), HasSubstr("layer 2: served"));
    EXPECT_THAT(broken([](RunRecord& r) { ++r.unrouted(0, 1); }),
                HasSubstr("is 101, not 100 (+1)"));
    EXPECT_THAT(broken([](RunRecord& r) { ++r.rank_tokens(0, 0, 2); }),
                HasSubstr("step 7, layer 1: sum of rank_tokens"));
    EXPECT_THAT(broken([](RunRecord& r) { ++r.rank_tokens(0, 0, 2), --r.rank_tokens(0, 0, 1); }),
                HasSubstr("step 7, layer 1, rank 1: rank_tokens"));
    EXPECT_THAT(broken([](RunRecord& r) { r.selected(1, 0, 2, 1) += 96; }),
                HasSubstr("layer 2, dispatch, rank 1: selected"));
    EXPECT_THAT(broken([](RunRecord& r) { r.selected(1, 1, 2, 1) += 128; }),
                HasSubstr("layer 2, combine, rank 2: selected"));
    EXPECT_THAT(
        broken([](RunRecord& r) { std::swap(r.selected(0, 1, 0, 1), r.selected(0, 1, 0, 2)); }),
        HasSubstr("layer 1, combine, rank 0 to 1: selected"));
    EXPECT_THAT(broken([](RunRecord& r) { r.payload(0, 0, 1, 1) += 96; }), HasSubstr("(+96)"));
    EXPECT_THAT(broken([](RunRecord& r) { r.payload(0, 0, 1, 1) -= 1; }),
                HasSubstr("payload is whole rows"));
    EXPECT_THAT(broken([](RunRecord& r) { r.padding(0, 1, 2, 0) += 5; }),
                HasSubstr("layer 1, combine, rank 2: wire"));
    EXPECT_THAT(broken([](RunRecord& r) { r.wire(1, 0, 0, 2) += 3; }),
                HasSubstr("layer 2, dispatch, rank 0: wire"));
    EXPECT_THAT(broken([](RunRecord& r) { r.metadata(1, 0, 0, 2) = -1; }),
                HasSubstr("/traffic/metadata has -1"));
    EXPECT_THAT(broken([](RunRecord& r) { r.combine_row_bytes = 64; }), HasSubstr("combine"));
    EXPECT_THAT(broken([](RunRecord& r) { r.step_end(0, 0) = r.step_start(0, 0) - 1; }),
                HasSubstr("an iteration runs from"));
    EXPECT_THAT(broken([](RunRecord& r) { r.wrong = 2; }),
                HasSubstr("the oracle found nothing wrong: 2 of"));
}

TEST(Conservation, AbsurdNumbersAreNamedNotSummed) {
    auto record = random_record(1);
    record.dispatch_row_bytes = 0;
    record.wire(0, 0, 0, 0) = INT64_MAX;
    EXPECT_THAT(violations(record), ElementsAre(HasSubstr("a row has 0 bytes")));
    record.dispatch_row_bytes = 96;
    EXPECT_THAT(violations(record),
                ElementsAre(HasSubstr("/traffic/wire has 9223372036854775807")));
}

TEST(Conservation, ReplicasAreCheckedBySumsOnly) {
    auto record = random_record(1, {.ranks = 3, .experts = 5, .tokens = 50});
    record.slot_expert(0, 0, 1) = 0;  // expert 0 twice, expert 1 nowhere
    EXPECT_THAT(violations(record), ElementsAre());
}

TEST(Conservation, ForwardingRanksNeedNotBalance) {
    auto record = random_record(1);
    record.wire(0, 0, 0, 1) += 96;
    EXPECT_EQ(violations(record).size(), 1u);
    record.hops = 2;
    EXPECT_THAT(violations(record), ElementsAre());
}

TEST(Verify, AcceptsWhatWasWritten) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "run");
    run.seal(random_record(1));
    run.seal(random_record(2));
    run.set_status("complete");
    write_trace(RandomRouting(1, {}), directory / "t.h5");
    auto const reports = verify(directory / "run");
    ASSERT_EQ(reports.size(), 3u);
    for (auto const& report : reports) {
        EXPECT_THAT(report.violations, ElementsAre());
        EXPECT_FALSE(report.held.empty());
    }
    EXPECT_EQ(verify(run.cases()[0]).size(), 1u);
    EXPECT_THAT(verify(directory / "t.h5")[0].violations, ElementsAre());
}

TEST(Verify, NamesFilesThatRunJsonDoesNotKnow) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "run");
    auto const path = run.seal(random_record(1));
    fs::rename(path, directory / "run/cases/0001-0123456789ab.h5");
    auto const reports = verify(directory / "run");
    EXPECT_THAT(reports[0].violations, ElementsAre(HasSubstr("notes 1 [")));
    EXPECT_THAT(reports[1].violations, ElementsAre(HasSubstr("stated 0123456789ab, computed ")));
}

TEST(Verify, RefusesOtherThings) {
    TemporaryDirectory const directory;
    write_bytes(directory / "text", "text");
    EXPECT_THAT(error_of<InputError>([&] { verify(directory / "text"); }),
                HasSubstr("text: not a"));
    EXPECT_THAT(error_of<InputError>([&] { verify(directory / "none"); }),
                HasSubstr("no such file"));
    EXPECT_THAT(error_of<InputError>([&] { verify(directory.path()); }),
                HasSubstr("is not a run directory"));
}

}  // namespace
}  // namespace epsim
