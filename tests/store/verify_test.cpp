#include "store/verify.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "core/error.hpp"
#include "store/conservation.hpp"
#include "store/random_record.hpp"
#include "store/random_routing.hpp"
#include "store/result_file.hpp"
#include "store/run_directory.hpp"
#include "store/trace_file.hpp"
#include "support/error_text.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
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
                HasSubstr("payload = selected"));
    EXPECT_THAT(broken([](RunRecord& r) { r.padding(0, 1, 2, 0) += 5; }),
                AllOf(HasSubstr("padding is 5, not 0"),
                      HasSubstr("layer 1, combine, rank 2, network: wire")));
    EXPECT_THAT(broken([](RunRecord& r) { r.wire(1, 0, 0, 2) += 3; }),
                HasSubstr("layer 2, dispatch, rank 0, network: wire"));
    EXPECT_THAT(broken([](RunRecord& r) { r.metadata(1, 0, 0, 2) = -1; }),
                HasSubstr("/traffic/metadata has -1"));
    EXPECT_THAT(broken([](RunRecord& r) { r.combine_row_bytes = 64; }), HasSubstr("combine"));
}

/// Several numbers changed together, so that they still agree with each other.
TEST(Conservation, ConsistentLossIsNamed) {
    auto const broken = [](auto&& spoil) {
        auto record = random_record(4, {.tokens = 50});
        spoil(record);
        std::string all;
        for (auto const& text : violations(record)) all += text + "\n";
        return all;
    };
    EXPECT_THAT(broken([](RunRecord& r) {
                    r.wire(0, 0, 0, 2) -= r.payload(0, 0, 0, 2);
                    r.payload(0, 0, 0, 2) = 0;
                }),
                HasSubstr("layer 1, dispatch, rank 0 to 2: payload is 0, not "));
    EXPECT_THAT(broken([](RunRecord& r) { r.metadata(1, 0, 2, 1) += 8, r.wire(1, 0, 2, 2) += 8; }),
                HasSubstr("layer 2, dispatch, rank 2 to 1: metadata is "));
    EXPECT_THAT(broken([](RunRecord& r) { r.metadata(1, 1, 2, 1) += 8, r.wire(1, 1, 2, 2) += 8; }),
                HasSubstr("layer 2, combine, rank 2 to 1: metadata is 8, not 0 (+8)"));
    EXPECT_THAT(broken([](RunRecord& r) { r.padding(0, 0, 1, 1) += 8, r.wire(0, 0, 1, 0) += 8; }),
                HasSubstr("layer 1, dispatch, rank 1 to 1: padding is 8, not 0"));
    EXPECT_THAT(broken([](RunRecord& r) {  // ranks 0 and 1 are on one node
                    r.wire(0, 0, 0, 2) += r.wire(0, 0, 0, 1);
                    r.wire(0, 0, 0, 1) = 0;
                }),
                HasSubstr("layer 1, dispatch, rank 0, node: wire is 0, not "));
    EXPECT_THAT(broken([](RunRecord& r) { std::swap(r.link_class[1], r.link_class[2]); }),
                HasSubstr("the classes of links are self, network, node"));
}

/// More padding or metadata, on the wire too.
void add_bytes(RunRecord& r, Array<int64_t, 4>& bytes, std::array<int64_t, 4> const& at,
               int64_t more) {
    auto const [l, d, from, to] = at;
    bytes(l, d, from, to) += more;
    r.wire(l, d, from, from == to ? 0 : from / 2 == to / 2 ? 1 : 2) += more;
}

template <class Visit>
void over_pairs(RunRecord const& r, Visit&& visit) {
    for (int64_t l = 0; l < r.payload.extent(0); ++l)
        for (int64_t d : {0, 1})
            for (int64_t from = 0; from < r.payload.extent(2); ++from)
                for (int64_t to = 0; to < r.payload.extent(3); ++to)
                    visit(std::array<int64_t, 4>{l, d, from, to});
}

int64_t bytes_at(Array<int64_t, 4> const& array, std::array<int64_t, 4> const& at) {
    return array(at[0], at[1], at[2], at[3]);
}

/// The same run with room for 40 rows from each rank for each, whatever there is.
RunRecord padded(RunRecord r) {
    r.algorithm = "padded";
    r.capacity = 40;
    int64_t const room = 40 * std::ssize(r.step);
    over_pairs(r, [&](auto const& at) {
        bool const there = at[1] == 0;
        add_bytes(r, r.padding, at, room * (there ? 96 : 128) - bytes_at(r.payload, at));
        if (there) add_bytes(r, r.metadata, at, room * 8 - bytes_at(r.metadata, at));
    });
    return r;
}

/// The same run with every token sent to every rank: 30 from rank 0, 30 from rank 1, the rest from
/// rank 2. A row serves two assignments where there are two.
RunRecord gathered(RunRecord r) {
    r.algorithm = "allgather";
    r.dedup = "rank";
    int64_t const all = 50 * std::ssize(r.step);
    over_pairs(r, [&](auto const& at) {
        auto const& [l, d, from, to] = at;
        int64_t const row = d == 0 ? 96 : 128, tokens = from < 2 ? 30 : all - 60;
        int64_t const rows = (bytes_at(r.selected, at) / row + 1) / 2;
        add_bytes(r, r.payload, at, rows * row - bytes_at(r.payload, at));
        if (d == 1) return;
        add_bytes(r, r.padding, at, (tokens - rows) * row);
        add_bytes(r, r.metadata, at,
                  4 * std::ssize(r.step) + 8 * 2 * tokens - bytes_at(r.metadata, at));
    });
    return r;
}

TEST(Conservation, HoldsForPaddedAndGatheredRuns) {
    for (unsigned seed = 0; seed < 30; ++seed) {
        auto const record = random_record(seed, {.tokens = 50});
        EXPECT_THAT(violations(padded(record)), ElementsAre());
        EXPECT_THAT(violations(gathered(record)), ElementsAre());
        auto merged = padded(record);  // 5 experts on 3 ranks, top-2: rows of 2 entries
        merged.dedup = "rank";
        over_pairs(merged, [&](auto const& at) {
            if (at[1] == 0) add_bytes(merged, merged.metadata, at, bytes_at(merged.metadata, at));
        });
        EXPECT_THAT(violations(merged), ElementsAre());
    }
}

TEST(Conservation, FaultsOfPaddingAreNamed) {
    auto const whole = random_record(4, {.tokens = 50});
    auto const broken = [&](RunRecord record, auto&& spoil) {
        spoil(record);
        std::string all;
        for (auto const& text : violations(record)) all += text + "\n";
        return all;
    };
    for (auto const d : {0, 1})
        EXPECT_THAT(broken(padded(whole),
                           [&](RunRecord& r) {
                               add_bytes(r, r.padding, {1, d, 2, 0}, 96 * 4);
                           }),
                    HasSubstr("rank 2 to 0: payload + padding is "));
    EXPECT_THAT(broken(padded(whole), [](RunRecord& r) { ++r.capacity; }),
                AllOf(HasSubstr("payload + padding is "), HasSubstr("metadata is ")));
    EXPECT_THAT(broken(padded(whole),
                       [](RunRecord& r) {
                           add_bytes(r, r.metadata, {0, 0, 1, 2}, 4);
                       }),
                HasSubstr("layer 1, dispatch, rank 1 to 2: metadata is "));
    EXPECT_THAT(broken(gathered(whole),
                       [](RunRecord& r) {
                           add_bytes(r, r.padding, {0, 0, 1, 2}, -96);
                       }),
                HasSubstr("layer 1, dispatch, rank 1 to 2: payload + padding is "));
    EXPECT_THAT(broken(gathered(whole),
                       [](RunRecord& r) {
                           for (int64_t const to : {0, 1, 2}) {
                               add_bytes(r, r.padding, {1, 0, 0, to}, 96);
                               add_bytes(r, r.metadata, {1, 0, 0, to}, 16);
                           }
                       }),
                HasSubstr("layer 2, dispatch, to rank 0: payload + padding is "));
    EXPECT_THAT(broken(gathered(whole),
                       [](RunRecord& r) {
                           add_bytes(r, r.padding, {0, 1, 1, 2}, 128);
                       }),
                HasSubstr("layer 1, combine, rank 1 to 2: padding is 128, not 0"));
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

TEST(Verify, RunsThatDidNotEndAreBroken) {
    TemporaryDirectory const directory;
    auto const broken = [&](std::string const& status, std::vector<std::string> const& cases) {
        auto const path = directory / fmt::format("{}-{}", status, fmt::join(cases, "-"));
        auto run = RunDirectory::create(path);
        for (unsigned i = 0; i < cases.size(); ++i) {
            auto record = random_record(i);
            record.status = cases[i];
            run.seal(record);
        }
        if (status != "running") run.set_status(status);
        return verify(path)[0].violations;
    };
    EXPECT_THAT(broken("complete", {"complete", "complete"}), ElementsAre());
    EXPECT_THAT(broken("interrupted", {"complete", "interrupted"}), ElementsAre());
    EXPECT_THAT(broken("complete", {}), ElementsAre(HasSubstr("complete and holds no result")));
    EXPECT_THAT(broken("failed", {}), ElementsAre(HasSubstr("failed and holds no result")));
    EXPECT_THAT(broken("failed", {"complete"}), ElementsAre(HasSubstr("it is failed")));
    EXPECT_THAT(broken("running", {"complete"}), ElementsAre(HasSubstr("it is running")));
    EXPECT_THAT(broken("interrupted", {"complete"}), ElementsAre(HasSubstr("it is interrupted")));
    EXPECT_THAT(broken("complete", {"interrupted"}), ElementsAre(HasSubstr("it is complete")));
}

TEST(Verify, SealedFiguresThatAreNotOfTheirArraysAreBroken) {
    TemporaryDirectory const directory;
    auto record = random_record(1);
    record.summary.front().value += 1;
    write_result(record, directory / "r.h5");
    EXPECT_THAT(verify(directory / "r.h5")[0].violations,
                ElementsAre(HasSubstr("/summary is that of the arrays")));
}

TEST(Verify, NamesFilesThatRunJsonDoesNotKnow) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "run");
    auto const path = run.seal(random_record(1));
    run.set_status("complete");
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
