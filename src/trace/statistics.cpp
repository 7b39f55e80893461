#include "trace/statistics.hpp"

#include <algorithm>
#include <limits>

namespace epsim {
namespace {

constexpr int64_t piece = 64 * 1024;  // tokens read together

/// Counts one layer, token by token in the order of the trace.
class LayerCounter {
public:
    explicit LayerCounter(TraceInfo const& info)
        : border_(info.sequence_offset.empty() ? info.step_offset : info.sequence_offset),
          next_border_(border_.begin()),
          chosen_by_(static_cast<std::size_t>(info.num_experts), -1) {
        counts_.expert_tokens.resize(chosen_by_.size());
    }

    void add(std::span<ExpertId const> experts, std::span<int64_t> step_tokens) {
        bool is_first = false;
        for (; next_border_ != border_.end() && *next_border_ <= token_; ++next_border_)
            is_first = true;
        for (auto const e : experts) {
            if (e == no_expert) continue;
            auto const i = static_cast<std::size_t>(index(e));
            ++counts_.expert_tokens[i];
            ++step_tokens[i];
            counts_.followed += !is_first;
            counts_.reused += !is_first && chosen_by_[i] == token_ - 1;
            chosen_by_[i] = token_;
        }
        ++token_;
    }
    LayerCounts take() { return std::move(counts_); }

private:
    std::vector<int64_t> const& border_;
    std::vector<int64_t>::const_iterator next_border_;
    std::vector<int64_t> chosen_by_;  // [E] the last token that chose the expert
    int64_t token_ = 0;
    LayerCounts counts_;
};

}  // namespace

double LayerCounts::reuse() const noexcept {
    return followed == 0 ? std::numeric_limits<double>::quiet_NaN()
                         : static_cast<double>(reused) / static_cast<double>(followed);
}

LayerCounts count_layer(RoutingSource const& source, LayerId layer, StepCounts const& step_counts,
                        TokenPieces const& pieces) {
    auto const& info = source.info();
    auto const k = static_cast<std::size_t>(info.top_k);
    LayerCounter counter(info);
    for (int32_t s = 0; s < info.steps(); ++s) {
        std::vector<int64_t> step_tokens(static_cast<std::size_t>(info.num_experts));
        int64_t const n = info.tokens_of(StepId{s});
        for (int64_t begin = 0; begin < n; begin += piece) {
            auto const batch = source.read(StepId{s}, layer, {begin, std::min(begin + piece, n)});
            if (pieces) pieces(batch);
            for (std::size_t i = 0; i < batch.expert.size(); i += k)
                counter.add(std::span(batch.expert).subspan(i, k), step_tokens);
        }
        if (step_counts) step_counts(StepId{s}, step_tokens);
    }
    return counter.take();
}

std::vector<LayerCounts> count_trace(RoutingSource const& source) {
    std::vector<LayerCounts> layers;
    for (std::size_t l = 0; l < source.info().layer.size(); ++l)
        layers.push_back(count_layer(source, static_cast<LayerId>(l), {}));
    return layers;
}

}  // namespace epsim
