#include "trace/place_order.hpp"

#include <algorithm>

#include "trace/limits.hpp"
#include "trace/option_range.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

constexpr uint32_t order_step = UINT32_MAX;  // no step: words for the orders of popularity
constexpr int variant_bits = 20;
static_assert(most_experts <= 1 << variant_bits && most_sources <= 1 << variant_bits);

/// Fisher and Yates. \param variant which of a layer's shuffles; their words do not overlap
template <class Item>
void shuffle(std::vector<Item>& items, CounterRng const& rng, LayerId layer, uint64_t variant) {
    for (uint64_t i = items.size(); i-- > 1;) {
        auto const words =
            rng.words(static_cast<uint32_t>(index(layer)), order_step, variant << variant_bits | i);
        std::swap(items[i], items[static_cast<std::size_t>(uint64_t{words[0]} * (i + 1) >> 32)]);
    }
}

}  // namespace

PlaceOrder::PlaceOrder(RoutingOptions const& r, int num_experts)
    : rng_(r.seed, RngStream::routing),
      kind_(r.generator == "hot-rank"                                  ? Kind::hot_rank
            : r.generator == "spread-hot" || r.generator == "balanced" ? Kind::interleaved
                                                                       : Kind::shuffled),
      num_experts_(num_experts),
      sources_(r.sources),
      hot_rank_(r.hot_rank),
      stride_(r.generator == "hot" || r.generator == "spread-hot" ? r.hot_experts : 1),
      rotate_every_(r.rotate_every),
      of_each_step_(r.generator == "balanced") {
    require_option(rotate_every_ >= 0 && rotate_every_ <= most_steps, "routing.rotate_every",
                   rotate_every_, "it is 0 to 2^24 steps");
    require_option(kind_ != Kind::hot_rank || rotate_every_ == 0 || num_experts % sources_ == 0,
                   "routing.rotate_every", rotate_every_,
                   fmt::format("the hot rank moves on among ranks of as many experts, and {} "
                               "sources do not divide {} experts",
                               sources_, num_experts));
}

std::vector<ExpertId> PlaceOrder::common(StepId step, LayerId layer) const {
    if (kind_ == Kind::hot_rank) {
        int64_t const turns = rotate_every_ == 0 ? 0 : index(step) / rotate_every_;
        return hot_rank_first(layer, (hot_rank_ + turns) % sources_);
    }
    uint64_t const variant = of_each_step_ ? static_cast<uint64_t>(index(step)) + 1 : 0;
    return rotated(
        kind_ == Kind::interleaved ? interleaved(layer, variant) : shuffled(layer, variant), step);
}

std::vector<ExpertId> PlaceOrder::of_source(StepId step, LayerId layer, int32_t source) const {
    return rotated(shuffled(layer, static_cast<uint64_t>(source) + 1), step);
}

std::vector<ExpertId> PlaceOrder::rotated(std::vector<ExpertId> order, StepId step) const {
    if (rotate_every_ == 0) return order;
    int64_t const places = index(step) / rotate_every_ * stride_ % num_experts_;
    std::ranges::rotate(order, order.begin() + places);
    return order;
}

std::vector<ExpertId> PlaceOrder::shuffled(LayerId layer, uint64_t variant) const {
    std::vector<ExpertId> order;
    for (int e = 0; e < num_experts_; ++e) order.push_back(ExpertId{e});
    shuffle(order, rng_, layer, variant);
    return order;
}

std::vector<ExpertId> PlaceOrder::interleaved(LayerId layer, uint64_t variant) const {
    auto const experts = shuffled(layer, variant);
    std::vector<std::vector<ExpertId>> of_rank(static_cast<std::size_t>(sources_));
    for (auto const e : experts)
        of_rank[static_cast<std::size_t>(int64_t{index(e)} * sources_ / num_experts_)].push_back(e);
    // The shuffle of the ranks: in the order in which their first experts come.
    std::vector<std::vector<ExpertId>*> ranks;
    for (auto const e : experts) {
        auto& rank = of_rank[static_cast<std::size_t>(int64_t{index(e)} * sources_ / num_experts_)];
        if (rank.front() == e) ranks.push_back(&rank);
    }
    std::vector<ExpertId> order;
    for (std::size_t round = 0; order.size() < experts.size(); ++round)
        for (auto const* rank : ranks)
            if (round < rank->size()) order.push_back((*rank)[round]);
    return order;
}

std::vector<ExpertId> PlaceOrder::hot_rank_first(LayerId layer, int64_t rank) const {
    auto order = shuffled(layer, 0);
    int64_t const begin = share_begin(rank, num_experts_, sources_);
    int64_t const end = share_begin(rank + 1, num_experts_, sources_);
    std::ranges::stable_partition(order,
                                  [&](ExpertId e) { return index(e) >= begin && index(e) < end; });
    return order;
}

}  // namespace epsim
