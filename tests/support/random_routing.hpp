#pragma once

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "trace/routing.hpp"

namespace epsim::test {

/// T tokens, k distinct experts each, now and then none; weights in (0, 1).
/// \param favourite every token's first expert, if not no_expert: one takes all
inline RoutingBatch random_routing(std::mt19937& random, int64_t tokens, int experts, int top_k,
                                   ExpertId favourite = no_expert, double none = 0.1) {
    RoutingBatch batch;
    batch.top_k = top_k;
    std::vector<int> ids(static_cast<std::size_t>(experts));
    std::uniform_real_distribution<float> uniform(0.01f, 1.0f);
    for (int64_t t = 0; t < tokens; ++t) {
        std::iota(ids.begin(), ids.end(), 0);
        std::ranges::shuffle(ids, random);
        if (favourite != no_expert) std::swap(ids[0], *std::ranges::find(ids, index(favourite)));
        for (int c = 0; c < top_k; ++c) {
            bool const absent = favourite == no_expert && uniform(random) < none;
            batch.expert.push_back(absent ? no_expert : ExpertId{ids[static_cast<std::size_t>(c)]});
            batch.weight.push_back(uniform(random));
        }
    }
    return batch;
}

/// A recorded trace in memory: [step][layer] batches.
class MemorySource final : public RoutingSource {
public:
    /// \param tokens of each step
    MemorySource(std::mt19937& random, std::vector<int64_t> const& tokens, int layers, int experts,
                 int top_k, ExpertId favourite = no_expert) {
        info_.num_experts = experts;
        info_.top_k = top_k;
        info_.has_weights = true;
        info_.step_offset = {0};
        for (int l = 0; l < layers; ++l) info_.layer.push_back(3 + 2 * l);
        for (int64_t const n : tokens) {
            info_.step_offset.push_back(info_.step_offset.back() + n);
            auto& step = batches_.emplace_back();
            for (int l = 0; l < layers; ++l)
                step.push_back(random_routing(random, n, experts, top_k, favourite));
        }
    }
    /// Given routing: one step, one layer.
    MemorySource(RoutingBatch batch, int experts) {
        info_.num_experts = experts;
        info_.top_k = batch.top_k;
        info_.has_weights = true;
        info_.step_offset = {0, batch.tokens()};
        info_.layer = {3};
        batches_ = {{std::move(batch)}};
    }
    TraceInfo const& info() const override { return info_; }
    RoutingBatch const& batch(int step, int layer) const {
        return batches_[static_cast<std::size_t>(step)][static_cast<std::size_t>(layer)];
    }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        auto const& all = batch(index(step), index(layer));
        RoutingBatch part;
        part.top_k = all.top_k;
        auto const first = range.begin * all.top_k, last = range.end * all.top_k;
        part.expert.assign(all.expert.begin() + first, all.expert.begin() + last);
        part.weight.assign(all.weight.begin() + first, all.weight.begin() + last);
        return part;
    }
    std::vector<int32_t> column(TokenColumn, StepId, TokenRange) const override { return {}; }

private:
    TraceInfo info_;
    std::vector<std::vector<RoutingBatch>> batches_;
};

}  // namespace epsim::test
