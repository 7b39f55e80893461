#include "trace/assignment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "trace/memory_source.hpp"

namespace epsim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::vector<int64_t>> all_ranks(RoutingSource const& source, Assign assign, StepId step,
                                            int ranks) {
    std::vector<std::vector<int64_t>> tokens;
    for (int r = 0; r < ranks; ++r)
        tokens.push_back(tokens_of_rank(source, assign, step, ranks, RankId{r}));
    return tokens;
}

/// Where the definition puts each token of a step, worked out token by token.
std::vector<int> brute_force(MemorySource const& source, Assign assign, StepId step, int ranks) {
    auto const s = static_cast<std::size_t>(index(step));
    int64_t const first = source.traits.step_offset[s];
    int64_t const n = source.traits.step_offset[s + 1] - first;
    std::vector<int> rank(static_cast<std::size_t>(n));
    if (assign == Assign::contiguous)
        for (int64_t t = 0; t < n; ++t)
            rank[static_cast<std::size_t>(t)] = static_cast<int>(t * ranks / n);
    if (assign == Assign::round_robin)
        for (int64_t t = 0; t < n; ++t)
            rank[static_cast<std::size_t>(t)] = static_cast<int>(t % ranks);
    if (assign == Assign::recorded) {
        auto const column = source.column(TokenColumn::source_rank, step, {0, n});
        int64_t const sources = source.traits.source_count;
        for (int64_t t = 0; t < n; ++t) {
            int64_t const mine = column[static_cast<std::size_t>(t)];
            int64_t const low = mine * ranks / sources, high = (mine + 1) * ranks / sources;
            auto const before = std::count(column.begin(), column.begin() + t, mine);
            auto const total = std::ranges::count(column, mine);
            int64_t const share = high > low ? before * (high - low) / total : 0;
            rank[static_cast<std::size_t>(t)] = static_cast<int>(low + share);
        }
    }
    if (assign == Assign::sequence) {
        std::vector<int64_t> border{0, n};
        for (auto const b : source.traits.sequence_offset)
            if (b > first && b < first + n) border.push_back(b - first);
        std::ranges::sort(border);
        for (int r = 1; r < ranks; ++r) {
            auto const distance = [&](int64_t b) { return std::abs(b * ranks - r * n); };
            int64_t const cut = *std::ranges::min_element(border, {}, distance);
            for (int64_t t = cut; t < n; ++t) rank[static_cast<std::size_t>(t)] = r;
        }
    }
    return rank;
}

TEST(Assignment, EqualsTheDefinitionOnRandomSteps) {
    std::mt19937 random(1);
    for (int64_t const tokens : {0, 1, 2, 7, 100, 401})
        for (int const ranks : {1, 2, 3, 4, 7, 8, 64})
            for (auto const assign :
                 {Assign::recorded, Assign::sequence, Assign::contiguous, Assign::round_robin}) {
                auto const source = random_source(random, tokens, 4, 1, 1);
                for (int s = 0; s < source.traits.steps(); ++s) {
                    auto const expected = brute_force(source, assign, StepId{s}, ranks);
                    auto const got = all_ranks(source, assign, StepId{s}, ranks);
                    std::vector<int> rank(expected.size(), -1);
                    std::size_t total = 0;
                    for (int r = 0; r < ranks; ++r) {
                        auto const& mine = got[static_cast<std::size_t>(r)];
                        EXPECT_TRUE(std::ranges::is_sorted(mine));
                        total += mine.size();
                        for (auto const t : mine) rank.at(static_cast<std::size_t>(t)) = r;
                    }
                    EXPECT_EQ(rank, expected) << tokens << " tokens, " << ranks << " ranks, rule "
                                              << static_cast<int>(assign);
                    EXPECT_EQ(total, expected.size());
                }
            }
}

MemorySource with_sequences(std::vector<int64_t> steps, std::vector<int64_t> sequences) {
    MemorySource source;
    source.traits.step_offset = std::move(steps);
    source.traits.sequence_offset = std::move(sequences);
    return source;
}

TEST(Assignment, SequencesStayWhole) {
    auto const source = with_sequences({0, 12}, {0, 3, 5, 12});
    EXPECT_THAT(all_ranks(source, Assign::sequence, StepId{0}, 2),
                ElementsAre(ElementsAre(0, 1, 2, 3, 4), ElementsAre(5, 6, 7, 8, 9, 10, 11)));
}

TEST(Assignment, SequenceLongerThanAShareLeavesRanksIdle) {
    // Even shares begin at 2.5, 5 and 7.5: the nearest borders are 0, 9 and 9.
    auto const source = with_sequences({0, 10}, {0, 9, 10});
    EXPECT_THAT(
        all_ranks(source, Assign::sequence, StepId{0}, 4),
        ElementsAre(IsEmpty(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8), IsEmpty(), ElementsAre(9)));
}

TEST(Assignment, SequenceIsCutByTheStep) {
    auto const source = with_sequences({0, 4, 8}, {0, 2, 6, 8});
    EXPECT_THAT(all_ranks(source, Assign::sequence, StepId{0}, 2),
                ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
    EXPECT_THAT(all_ranks(source, Assign::sequence, StepId{1}, 2),
                ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
}

TEST(Assignment, RecordedSourcesFoldAndSplit) {
    auto source = with_sequences({0, 6}, {});
    source.traits.source_count = 4;
    source.values[TokenColumn::source_rank] = {3, 0, 1, 2, 0, 3};
    EXPECT_THAT(all_ranks(source, Assign::recorded, StepId{0}, 2),
                ElementsAre(ElementsAre(1, 2, 4), ElementsAre(0, 3, 5)));
    EXPECT_THAT(all_ranks(source, Assign::recorded, StepId{0}, 8),
                ElementsAre(ElementsAre(1), ElementsAre(4), ElementsAre(2), IsEmpty(),
                            ElementsAre(3), IsEmpty(), ElementsAre(0), ElementsAre(5)));
    source.values[TokenColumn::source_rank][5] = 4;
    EXPECT_THROW(all_ranks(source, Assign::recorded, StepId{0}, 2), InputError);
}

TEST(Assignment, AutoPrefersSourcesThenSequences) {
    TraceInfo info;
    EXPECT_EQ(resolve_assign({}, info, 2), Assign::contiguous);
    info.sequence_offset = {0, 1};
    EXPECT_EQ(resolve_assign({}, info, 2), Assign::sequence);
    info.columns = {TokenColumn::source_rank};
    info.source_count = 2;
    EXPECT_EQ(resolve_assign({}, info, 2), Assign::recorded);
    TokenOptions options{.assign = "round-robin"};
    EXPECT_EQ(resolve_assign(options, info, 2), Assign::round_robin);
}

std::string complaint(TokenOptions const& options, TraceInfo const& info, int ranks) {
    try {
        resolve_assign(options, info, ranks);
    } catch (InputError const& e) {
        return e.what();
    }
    return "none";
}

TEST(Assignment, SaysWhatIsWrong) {
    TraceInfo info;
    EXPECT_THAT(complaint({.assign = "sequense"}, info, 1), HasSubstr("nearest: 'sequence'"));
    EXPECT_THAT(complaint({.assign = "recorded"}, info, 1), HasSubstr("no /source_rank"));
    EXPECT_THAT(complaint({.assign = "sequence"}, info, 1), HasSubstr("no /sequence_offset"));
    info.columns = {TokenColumn::source_rank};
    info.source_count = 4;
    EXPECT_THAT(complaint({}, info, 5), HasSubstr("5 ranks exceed the trace's 4 sources"));
    TokenOptions split;
    split.split_sources = true;
    EXPECT_EQ(resolve_assign(split, info, 5), Assign::recorded);
}

TEST(Assignment, ReadsTheTokensAskedForInFewPieces) {
    std::mt19937 random(2);
    auto const source = random_source(random, 5000, 8, 2, 1);
    for (int64_t const stride : {1, 3, 700, 1500}) {
        for (int s = 0; s < source.traits.steps(); ++s) {
            std::vector<int64_t> tokens;
            for (int64_t t = 0; t < source.traits.tokens_of(StepId{s}); t += stride)
                tokens.push_back(t);
            source.reads = 0;
            auto const got = read_tokens(source, StepId{s}, LayerId{0}, tokens);
            EXPECT_LE(source.reads, stride > 1024 ? static_cast<int64_t>(tokens.size()) : 1);
            ASSERT_EQ(got.tokens(), static_cast<int64_t>(tokens.size()));
            ASSERT_EQ(got.weight.size(), got.expert.size());
            for (std::size_t i = 0; i < tokens.size(); ++i) {
                auto const one = source.read(StepId{s}, LayerId{0}, {tokens[i], tokens[i] + 1});
                for (std::size_t j = 0; j < 2; ++j) {
                    EXPECT_EQ(got.expert[i * 2 + j], one.expert[j]);
                    EXPECT_EQ(got.weight[i * 2 + j], one.weight[j]);
                }
            }
        }
    }
    EXPECT_EQ(read_tokens(source, StepId{0}, LayerId{0}, {}).tokens(), 0);
}

}  // namespace
}  // namespace epsim
