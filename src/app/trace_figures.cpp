#include "app/trace_figures.hpp"

#include <algorithm>
#include <numeric>

#include "placement/placement.hpp"

namespace epsim {
namespace {

/// The loads of R ranks, over steps, of one layer.
class RankLoads {
public:
    RankLoads(Placement const& placement)
        : placement_(&placement), whole_(static_cast<std::size_t>(placement.ranks())) {}

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
    RankSkew skew() const {
        auto const sum = std::accumulate(whole_.begin(), whole_.end(), int64_t{0});
        double const mean = static_cast<double>(sum) / placement_->ranks();
        return {placement_->ranks(), static_cast<double>(sum_of_busiest_) / mean,
                imbalance(whole_).max_over_mean};
    }

private:
    Placement const* placement_;
    std::vector<int64_t> whole_;  // [R]
    int64_t sum_of_busiest_ = 0;
};

}  // namespace

std::vector<LayerFigures> trace_figures(RoutingSource const& source,
                                        std::span<int const> ep_sizes) {
    auto const& info = source.info();
    std::vector<Placement> placements;
    for (int const ranks : ep_sizes)
        placements.push_back(linear_placement(1, info.num_experts, ranks));
    std::vector<RankLoads> const none(placements.begin(), placements.end());
    std::vector<std::vector<RankLoads>> loads(info.layer.size(), none);
    auto counts =
        count_trace(source, [&](StepId, LayerId layer, std::span<int64_t const> expert_tokens) {
            for (auto& ranks : loads[static_cast<std::size_t>(index(layer))])
                ranks.add_step(expert_tokens);
        });

    std::vector<LayerFigures> figures;
    for (std::size_t l = 0; l < counts.size(); ++l) {
        auto const& tokens = counts[l].expert_tokens;
        auto const busiest = static_cast<int>(std::ranges::max_element(tokens) - tokens.begin());
        auto& layer = figures.emplace_back(
            LayerFigures{info.layer[l], counts[l], imbalance(tokens), busiest, {}});
        for (auto const& ranks : loads[l]) layer.ranks.push_back(ranks.skew());
    }
    return figures;
}

}  // namespace epsim
