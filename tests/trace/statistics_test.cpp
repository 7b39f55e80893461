#include "trace/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "trace/coactivation.hpp"
#include "trace/drift.hpp"
#include "trace/generator.hpp"
#include "trace/memory_source.hpp"

namespace epsim {
namespace {

bool chose(RoutingBatch const& batch, int64_t token, ExpertId expert) {
    auto const first = batch.expert.begin() + token * batch.top_k;
    return std::find(first, first + batch.top_k, expert) != first + batch.top_k;
}

TEST(Statistics, EqualsABruteForceCount) {
    std::mt19937 random(5);
    for (int64_t const tokens : {0, 1, 2, 60, 333})
        for (bool const has_sequences : {true, false}) {
            auto source = random_source(random, tokens, 5, 2, 2);
            for (auto& layer : source.layers)  // some entries are padding
                for (auto& e : layer.expert)
                    if (random() % 8 == 0) e = no_expert;
            if (!has_sequences) source.traits.sequence_offset.clear();
            auto const& border =
                has_sequences ? source.traits.sequence_offset : source.traits.step_offset;
            std::vector<std::vector<int64_t>> steps;
            std::vector<LayerCounts> layers;
            for (int l = 0; l < 2; ++l)
                layers.push_back(count_layer(
                    source, LayerId{l}, [&](StepId step, std::span<int64_t const> counts) {
                        EXPECT_EQ(static_cast<std::size_t>(l * source.traits.steps() + index(step)),
                                  steps.size());
                        steps.emplace_back(counts.begin(), counts.end());
                    }));
            EXPECT_EQ(count_trace(source)[1].reused, layers[1].reused);
            ASSERT_EQ(layers.size(), 2u);
            for (std::size_t l = 0; l < 2; ++l) {
                auto const& batch = source.layers[l];
                std::vector<int64_t> counts(5);
                int64_t reused = 0, followed = 0;
                std::vector<std::vector<int64_t>> by_step(
                    static_cast<std::size_t>(source.traits.steps()), counts);
                for (int64_t t = 0; t < tokens; ++t) {
                    bool const is_first = std::ranges::find(border, t) != border.end();
                    for (int j = 0; j < 2; ++j) {
                        auto const e = batch.expert[static_cast<std::size_t>(t * 2 + j)];
                        if (e == no_expert) continue;
                        ++counts[static_cast<std::size_t>(index(e))];
                        auto const next = std::ranges::upper_bound(source.traits.step_offset, t);
                        auto const step = next - source.traits.step_offset.begin() - 1;
                        ++by_step[static_cast<std::size_t>(step)]
                                 [static_cast<std::size_t>(index(e))];
                        if (is_first) continue;
                        ++followed;
                        reused += chose(batch, t - 1, e);
                    }
                }
                EXPECT_EQ(layers[l].expert_tokens, counts);
                EXPECT_EQ(layers[l].reused, reused);
                EXPECT_EQ(layers[l].followed, followed);
                for (std::size_t s = 0; s < by_step.size(); ++s)
                    EXPECT_EQ(steps[l * by_step.size() + s], by_step[s]);
            }
        }
}

TEST(Statistics, ReuseOfIndependentTokensIsTopKOverExperts) {
    auto const source = make_generator({.trace = {}, .generator = "uniform"},
                                       {.per_step = 20000, .steps = 1}, 64, 6, 1);
    auto const layers = count_trace(*source);
    EXPECT_NEAR(layers[0].reuse(), 6.0 / 64, 0.005);
    EXPECT_TRUE(std::isnan(LayerCounts{}.reuse()));
}

}  // namespace
}  // namespace epsim
