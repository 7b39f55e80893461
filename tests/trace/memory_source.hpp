#pragma once

#include <algorithm>
#include <map>
#include <random>

#include "trace/routing.hpp"

namespace epsim {

/// A routing source held in memory, for tests. It counts what it is asked for.
class MemorySource final : public RoutingSource {
public:
    TraceInfo traits;
    std::vector<RoutingBatch> layers;                    // [L] all tokens
    std::map<TokenColumn, std::vector<int32_t>> values;  // [T]
    mutable int64_t reads = 0, tokens_read = 0;

    TraceInfo const& info() const override { return traits; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        ++reads;
        tokens_read += range.size();
        auto const& all = layers.at(static_cast<std::size_t>(index(layer)));
        auto const k = all.top_k;
        auto const begin = (offset(step) + range.begin) * k, end = (offset(step) + range.end) * k;
        return {k,
                {all.expert.begin() + begin, all.expert.begin() + end},
                {all.weight.begin() + begin, all.weight.begin() + end}};
    }
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override {
        auto const& all = values.at(which);
        return {all.begin() + offset(step) + range.begin, all.begin() + offset(step) + range.end};
    }

private:
    int64_t offset(StepId step) const {
        return traits.step_offset.at(static_cast<std::size_t>(index(step)));
    }
};

/// Random routing of `tokens` tokens, cut into random steps (some without tokens) and sequences.
inline MemorySource random_source(std::mt19937& random, int64_t tokens, int num_experts, int top_k,
                                  int layers) {
    auto const borders = [&](int count) {
        std::vector<int64_t> border{0, tokens};
        for (int i = 0; i < count; ++i)
            border.push_back(std::uniform_int_distribution<int64_t>(0, tokens)(random));
        std::ranges::sort(border);
        return border;
    };
    MemorySource source;
    source.traits.num_experts = num_experts;
    source.traits.top_k = top_k;
    source.traits.has_weights = true;
    source.traits.step_offset = borders(4);
    source.traits.sequence_offset = borders(9);
    source.traits.source_count = 3;
    source.traits.columns = {TokenColumn::source_rank};
    auto& column = source.values[TokenColumn::source_rank];
    for (int64_t t = 0; t < tokens; ++t) column.push_back(static_cast<int32_t>(random() % 3));
    std::vector<ExpertId> experts;
    for (int e = 0; e < num_experts; ++e) experts.push_back(ExpertId{e});
    for (int l = 0; l < layers; ++l) {
        source.traits.layer.push_back(l);
        auto& batch = source.layers.emplace_back(RoutingBatch{top_k, {}, {}});
        for (int64_t t = 0; t < tokens; ++t) {
            std::ranges::shuffle(experts, random);
            batch.expert.insert(batch.expert.end(), experts.begin(), experts.begin() + top_k);
            for (int j = 0; j < top_k; ++j)
                batch.weight.push_back(static_cast<float>(random() % 1000) / 1000);
        }
    }
    return source;
}

}  // namespace epsim
