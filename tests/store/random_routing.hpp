#pragma once

#include <algorithm>
#include <numeric>
#include <random>

#include "trace/routing.hpp"

namespace epsim {

struct RoutingSizes {
    int num_experts = 8, top_k = 2;
    int64_t layers = 2;
    std::vector<int64_t> step_tokens{5, 0, 3};
    double none = 0;  ///< share of choices without an expert
    bool has_weights = true, has_columns = true;
};

/// Random routing, held in memory: the oracle of what a file must give back.
class RandomRouting final : public RoutingSource {
public:
    RandomRouting(unsigned seed, RoutingSizes const& sizes) {
        std::mt19937 rng(seed);
        info_.num_experts = sizes.num_experts;
        info_.top_k = sizes.top_k;
        info_.source_count = 4;
        info_.producer = "test";
        info_.model = "m\u00fc";
        info_.has_weights = sizes.has_weights;
        info_.step_offset = {0};
        for (auto const n : sizes.step_tokens) info_.step_offset.push_back(info_.tokens() + n);
        auto const tokens = info_.tokens();
        std::vector<int32_t> experts(static_cast<std::size_t>(sizes.num_experts));
        std::iota(experts.begin(), experts.end(), 0);
        std::uniform_real_distribution<float> unit(0, 1);
        for (int64_t l = 0; l < sizes.layers; ++l) {
            info_.layer.push_back(static_cast<int32_t>(3 * l + 1));
            for (int64_t t = 0; t < tokens; ++t)
                for (int i = 0; i < sizes.top_k; ++i) {
                    auto const pick =
                        std::uniform_int_distribution<int>(i, sizes.num_experts - 1)(rng);
                    std::swap(experts[static_cast<std::size_t>(i)],
                              experts[static_cast<std::size_t>(pick)]);
                    expert_.push_back(unit(rng) < sizes.none
                                          ? no_expert
                                          : ExpertId{experts[static_cast<std::size_t>(i)]});
                    weight_.push_back(sizes.has_weights ? unit(rng)
                                                        : 1.0f / static_cast<float>(sizes.top_k));
                }
        }
        if (!sizes.has_columns) return;
        info_.columns = {TokenColumn::source_rank, TokenColumn::token_id, TokenColumn::position,
                         TokenColumn::is_decode};
        info_.sequence_offset = {0, tokens / 3, tokens};
        for (auto const end : {4, INT32_MAX, 1 << 20, 2}) {
            std::uniform_int_distribution<int32_t> values(0, end - 1);
            columns_.emplace_back();
            for (int64_t t = 0; t < tokens; ++t) columns_.back().push_back(values(rng));
        }
    }

    TraceInfo const& info() const override { return info_; }

    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        auto const first = info_.step_offset[static_cast<std::size_t>(index(step))] +
                           index(layer) * info_.tokens();
        auto const begin = (first + range.begin) * info_.top_k,
                   end = (first + range.end) * info_.top_k;
        return {info_.top_k,
                {expert_.begin() + begin, expert_.begin() + end},
                {weight_.begin() + begin, weight_.begin() + end}};
    }

    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override {
        auto const& values = columns_[static_cast<std::size_t>(which)];
        auto const first =
            values.begin() + info_.step_offset[static_cast<std::size_t>(index(step))];
        return {first + range.begin, first + range.end};
    }

private:
    TraceInfo info_;
    std::vector<ExpertId> expert_;  // [L, T, top_k]
    std::vector<float> weight_;
    std::vector<std::vector<int32_t>> columns_;
};

}  // namespace epsim
