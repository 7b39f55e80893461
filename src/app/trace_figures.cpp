#include "app/trace_figures.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "placement/placement.hpp"
#include "trace/drift.hpp"

namespace epsim {
namespace {

/// The loads of R ranks, over steps, of one layer.
class RankLoads {
public:
    RankLoads(Placement const& placement)
        : placement_(&placement),
          whole_(static_cast<std::size_t>(placement.ranks())),
          rank_seen_(whole_.size()),
          node_seen_(whole_.size()) {}

    void add_step(std::span<int64_t const> expert_tokens) {
        int64_t busiest = 0;
        for (int r = 0; r < placement_->ranks(); ++r) {
            int64_t load = 0;
            for (auto const e : placement_->experts_of(LayerId{0}, RankId{r}))
                load += expert_tokens[static_cast<std::size_t>(index(e))];
            whole_[static_cast<std::size_t>(r)] += load;
            busiest = std::max(busiest, load);
        }
        sum_of_busiest_ += busiest;
    }
    /// The ranks that each token's experts are on, and their nodes.
    void add_tokens(RoutingBatch const& batch, int ranks_per_node) {
        auto const k = static_cast<std::size_t>(batch.top_k);
        for (std::size_t t = 0; t < batch.expert.size(); t += k) {
            ++tokens_;
            for (std::size_t i = t; i < t + k; ++i) {
                if (batch.expert[i] == no_expert) continue;
                auto const slot = placement_->slots_of(LayerId{0}, batch.expert[i]).front();
                auto const rank = static_cast<std::size_t>(index(placement_->rank_of(slot)));
                auto const node = rank / static_cast<std::size_t>(ranks_per_node);
                distinct_ranks_ += std::exchange(rank_seen_[rank], tokens_) != tokens_;
                distinct_nodes_ += std::exchange(node_seen_[node], tokens_) != tokens_;
            }
        }
    }
    RankSkew skew() const {
        auto const sum = std::accumulate(whole_.begin(), whole_.end(), int64_t{0});
        double const mean = static_cast<double>(sum) / placement_->ranks();
        auto const tokens = static_cast<double>(tokens_);
        return {placement_->ranks(), static_cast<double>(sum_of_busiest_) / mean,
                imbalance(whole_).max_over_mean, static_cast<double>(distinct_ranks_) / tokens,
                static_cast<double>(distinct_nodes_) / tokens};
    }

private:
    Placement const* placement_;
    std::vector<int64_t> whole_;                  // [R]
    std::vector<int64_t> rank_seen_, node_seen_;  // [R] the last token, from 1, that is there
    int64_t sum_of_busiest_ = 0, tokens_ = 0, distinct_ranks_ = 0, distinct_nodes_ = 0;
};

std::vector<int> hottest_of(std::span<int64_t const> tokens, int most) {
    std::vector<int> experts(tokens.size());
    std::iota(experts.begin(), experts.end(), 0);
    auto const n = std::min(experts.size(), static_cast<std::size_t>(most));
    std::ranges::stable_sort(experts, std::greater{},
                             [&](int e) { return tokens[static_cast<std::size_t>(e)]; });
    experts.resize(n);
    return experts;
}

/// What is gathered of one layer.
class Gathered {
public:
    Gathered(std::vector<Placement> const& placements, TraceInfo const& info)
        : ranks_(placements.begin(), placements.end()), drift_(info.num_experts, info.steps()) {
        if (info.num_experts <= most_paired_experts) pairs_.emplace(info.num_experts);
    }
    void add_step(std::span<int64_t const> expert_tokens) {
        for (auto& ranks : ranks_) ranks.add_step(expert_tokens);
        drift_.add_step(expert_tokens);
    }
    void add_tokens(RoutingBatch const& batch, int ranks_per_node) {
        for (auto& ranks : ranks_) ranks.add_tokens(batch, ranks_per_node);
        if (pairs_) pairs_->add(batch);
    }
    LayerFigures figures(int32_t layer, LayerCounts const& counts, int hottest) const {
        LayerFigures f{.layer = layer,
                       .counts = counts,
                       .experts = imbalance(counts.expert_tokens),
                       .hottest = hottest_of(counts.expert_tokens, hottest),
                       .ranks = {},
                       .coactivation = pairs_ ? pairs_->distance() : NAN,
                       .strongest = pairs_ ? pairs_->strongest() : Coactivation::Pair{},
                       .step_change = drift_.from_step_to_step(),
                       .half_change = drift_.between_halves()};
        for (auto const& ranks : ranks_) f.ranks.push_back(ranks.skew());
        return f;
    }

private:
    std::vector<RankLoads> ranks_;  // by EP size
    Drift drift_;
    std::optional<Coactivation> pairs_;  // none if there are too many experts
};

}  // namespace

std::vector<LayerFigures> trace_figures(RoutingSource const& source, FigureSizes const& sizes) {
    auto const& info = source.info();
    std::vector<Placement> placements;
    for (int const ranks : sizes.ep)
        placements.push_back(linear_placement(1, info.num_experts, ranks));
    std::vector<LayerFigures> figures;
    for (std::size_t l = 0; l < info.layer.size(); ++l) {
        Gathered gathered(placements, info);
        auto const counts = count_layer(
            source, static_cast<LayerId>(l),
            [&](StepId, std::span<int64_t const> tokens) { gathered.add_step(tokens); },
            [&](RoutingBatch const& piece) { gathered.add_tokens(piece, sizes.ranks_per_node); });
        figures.push_back(gathered.figures(info.layer[l], counts, sizes.hottest));
    }
    return figures;
}

}  // namespace epsim
