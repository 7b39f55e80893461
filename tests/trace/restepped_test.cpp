#include "trace/restepped.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "trace/memory_source.hpp"

namespace epsim {
namespace {

TEST(Restepped, KeepsEveryTokenInOrder) {
    std::mt19937 random(3);
    for (int64_t const tokens : {0, 1, 17, 100})
        for (int64_t const per_step : {1, 7, 50, 100, 1000}) {
            auto const source = random_source(random, tokens, 8, 2, 2);
            Restepped const cut(std::make_unique<MemorySource>(source), per_step, 0);
            EXPECT_EQ(cut.info().steps(), (tokens + per_step - 1) / per_step);
            EXPECT_EQ(cut.info().tokens(), tokens);
            EXPECT_EQ(cut.info().sequence_offset, source.traits.sequence_offset);
            for (int l = 0; l < 2; ++l) {
                RoutingBatch joined{2, {}, {}};
                std::vector<int32_t> column;
                for (int s = 0; s < cut.info().steps(); ++s) {
                    int64_t const n = cut.info().tokens_of(StepId{s});
                    EXPECT_EQ(n, std::min(per_step, tokens - s * per_step));
                    for (TokenRange const range : {TokenRange{0, n / 3}, {n / 3, n}}) {
                        auto const batch = cut.read(StepId{s}, LayerId{l}, range);
                        EXPECT_EQ(batch.tokens(), range.size());
                        joined.expert.insert(joined.expert.end(), batch.expert.begin(),
                                             batch.expert.end());
                        joined.weight.insert(joined.weight.end(), batch.weight.begin(),
                                             batch.weight.end());
                        auto const part = cut.column(TokenColumn::source_rank, StepId{s}, range);
                        column.insert(column.end(), part.begin(), part.end());
                    }
                }
                EXPECT_EQ(joined, source.layers[static_cast<std::size_t>(l)]);
                EXPECT_EQ(column, source.values.at(TokenColumn::source_rank));
            }
        }
}

TEST(Restepped, FirstStepsEndTheSequencesToo) {
    MemorySource source;
    source.traits.step_offset = {0, 4, 10};
    source.traits.sequence_offset = {0, 3, 7, 10};
    auto const cut = [&](TokenOptions const& options) {
        return restep(std::make_unique<MemorySource>(source), options)->info();
    };
    EXPECT_EQ(cut({}), source.traits);
    EXPECT_EQ(cut({.steps = 1}).step_offset, (std::vector<int64_t>{0, 4}));
    EXPECT_EQ(cut({.steps = 1}).sequence_offset, (std::vector<int64_t>{0, 3, 4}));
    EXPECT_EQ(cut({.per_step = 3, .steps = 1}).sequence_offset, (std::vector<int64_t>{0, 3}));
    EXPECT_EQ(cut({.per_step = 4}).step_offset, (std::vector<int64_t>{0, 4, 8, 10}));
    EXPECT_EQ(cut({.steps = 2}).step_offset, source.traits.step_offset);
    EXPECT_THROW(cut({.steps = 3}), InputError);
    EXPECT_THROW(cut({.steps = -1}), InputError);
    EXPECT_THROW(cut({.per_step = -1}), InputError);
}

}  // namespace
}  // namespace epsim
