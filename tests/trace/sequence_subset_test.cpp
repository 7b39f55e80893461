#include "trace/sequence_subset.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/error.hpp"
#include "trace/memory_source.hpp"

namespace epsim {
namespace {

/// Random steps, sequences and sources; sources come in runs, as they do where ranks are recorded.
MemorySource random_trace(std::mt19937& random, int64_t tokens, bool has_sequences) {
    auto trace = random_source(random, tokens, 9, 2, 2);
    int64_t const run = 1 + static_cast<int64_t>(random() % 200);
    auto& source = trace.values[TokenColumn::source_rank];
    for (std::size_t t = 0; t < source.size(); ++t)
        source[t] = static_cast<int32_t>(static_cast<int64_t>(t) / run % 3);
    if (!has_sequences) trace.traits.sequence_offset.clear();
    return trace;
}

/// Which of some borders a token follows.
std::ptrdiff_t part_of(std::vector<int64_t> const& offset, int64_t token) {
    return std::ranges::count_if(offset, [&](int64_t border) { return border <= token; });
}

TEST(Stretches, HoldEveryTokenOnceAndNoneCrossesABorder) {
    std::mt19937 random(std::random_device{}());
    for (int64_t const tokens : {1, 2, 127, 128, 129, 1009})
        for (bool const has_sequences : {false, true}) {
            auto const trace = random_trace(random, tokens, has_sequences);
            auto const& info = trace.traits;
            auto const& from = trace.values.at(TokenColumn::source_rank);
            int64_t next = 0;
            for (auto const& [range, source, step] : stretches(trace)) {
                ASSERT_EQ(range.begin, next);
                ASSERT_GT(range.size(), 0);
                next = range.end;
                for (int64_t t = range.begin; t < range.end; ++t) {
                    ASSERT_EQ(from[static_cast<std::size_t>(t)], source);
                    ASSERT_GE(t, info.step_offset[static_cast<std::size_t>(step)]);
                    ASSERT_LT(t, info.step_offset[static_cast<std::size_t>(step) + 1]);
                    ASSERT_EQ(part_of(info.sequence_offset, t),
                              part_of(info.sequence_offset, range.begin));
                }
                ASSERT_TRUE(has_sequences || range.size() <= 64);
            }
            EXPECT_EQ(next, tokens);
        }
}

/// A token's experts in both layers, by number.
std::vector<std::vector<ExpertId>> tokens_of(RoutingSource const& source) {
    auto const& info = source.info();
    std::vector<std::vector<ExpertId>> all;
    for (int64_t s = 0; s < info.steps(); ++s) {
        auto const step = static_cast<StepId>(s);
        auto const n = info.tokens_of(step);
        auto const a = source.read(step, LayerId{0}, {0, n}).expert;
        auto const b = source.read(step, LayerId{1}, {0, n}).expert;
        for (std::size_t t = 0; t < a.size(); t += 2)
            all.push_back({a[t], a[t + 1], b[t], b[t + 1]});
    }
    return all;
}

TEST(Halves, TogetherAreTheTraceWithoutShortSteps) {
    std::mt19937 random(std::random_device{}());
    for (bool const has_sequences : {false, true}) {
        auto const trace = random_trace(random, 1500, has_sequences);
        auto const first = half_of(trace, 0), second = half_of(trace, 1);
        EXPECT_EQ(first.info().steps(), second.info().steps());
        auto both = tokens_of(first), all = tokens_of(trace);
        auto const other = tokens_of(second);
        both.insert(both.end(), other.begin(), other.end());
        std::ranges::sort(both);
        std::ranges::sort(all);
        EXPECT_EQ(both, all);

        std::vector<int64_t> kept;  // tokens of the steps that are expected
        auto const& offset = trace.traits.step_offset;
        for (std::size_t s = 0; s + 1 < offset.size(); ++s) {
            int64_t const n = offset[s + 1] - offset[s];
            bool const is_short = 2 * n * trace.traits.steps() < trace.traits.tokens();
            if (s > 0 && is_short)
                kept.back() += n;
            else
                kept.push_back(n);
        }
        ASSERT_EQ(first.info().steps(), std::ssize(kept));
        for (std::size_t s = 0; s < kept.size(); ++s) {
            auto const step = static_cast<StepId>(s);
            EXPECT_EQ(first.info().tokens_of(step) + second.info().tokens_of(step), kept[s]);
        }
    }
}

TEST(Halves, OneSequenceHasNoOther) {
    std::mt19937 random(std::random_device{}());
    auto trace = random_trace(random, 1, false);
    int refused = 0;
    for (int const which : {0, 1}) try {
            half_of(trace, which);
        } catch (InputError const&) {
            ++refused;
        }
    EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace epsim
