#include "placement/placement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/cast.hpp"

namespace epsim {
namespace {

std::size_t at(auto id) {
    return static_cast<std::size_t>(index(id));
}

}  // namespace

Placement::Placement(int version, int num_experts, std::vector<int32_t> rank_slot_offset,
                     std::vector<std::vector<ExpertId>> slot_expert)
    : version_(version), num_experts_(num_experts), rank_slot_offset_(std::move(rank_slot_offset)) {
    check(rank_slot_offset_.size() >= 2 && rank_slot_offset_.front() == 0 &&
              std::ranges::is_sorted(rank_slot_offset_),
          "a placement's slot offsets are prefix sums");
    for (int r = 0; r < ranks(); ++r) {
        auto const i = static_cast<std::size_t>(r);
        slot_rank_.insert(slot_rank_.end(),
                          static_cast<std::size_t>(rank_slot_offset_[i + 1] - rank_slot_offset_[i]),
                          RankId{r});
    }
    for (auto& experts : slot_expert) layer_.push_back(make_layer(std::move(experts)));
}

std::shared_ptr<Placement::Layer const> Placement::make_layer(
    std::vector<ExpertId> slot_expert) const {
    check(narrow<int>(slot_expert.size()) == slots(), "every layer has all slots");
    std::vector<int32_t> offset(static_cast<std::size_t>(num_experts_) + 1);
    for (ExpertId const e : slot_expert) {
        if (e == no_expert) continue;
        if (index(e) < 0 || index(e) >= num_experts_)
            throw InputError(
                fmt::format("placement: expert {} is out of range (the model has {}). Correct "
                            "the placement",
                            index(e), num_experts_));
        ++offset[at(e) + 1];
    }
    for (std::size_t e = 0; e < static_cast<std::size_t>(num_experts_); ++e) {
        if (offset[e + 1] == 0)
            throw InputError(
                fmt::format("placement: expert {} has no slot ({} slots for {} experts). Give "
                            "it one",
                            e, slots(), num_experts_));
        offset[e + 1] += offset[e];
    }
    std::vector<SlotId> replica(static_cast<std::size_t>(offset.back()));
    auto next = offset;
    for (std::size_t s = 0; s < slot_expert.size(); ++s)
        if (slot_expert[s] != no_expert)
            replica[static_cast<std::size_t>(next[at(slot_expert[s])]++)] = SlotId{narrow<int>(s)};
    return std::make_shared<Layer const>(
        Layer{std::move(slot_expert), std::move(offset), std::move(replica)});
}

Placement Placement::with(int version, std::map<int, std::vector<ExpertId>> slot_expert) const {
    Placement later = *this;
    later.version_ = version;
    for (auto& [layer, experts] : slot_expert)
        later.layer_.at(static_cast<std::size_t>(layer)) = make_layer(std::move(experts));
    return later;
}

std::span<ExpertId const> Placement::slot_expert(LayerId layer) const {
    return of(layer).slot_expert;
}

std::span<ExpertId const> Placement::experts_of(LayerId layer, RankId rank) const {
    auto const first = static_cast<std::size_t>(rank_slot_offset_.at(at(rank)));
    auto const last = static_cast<std::size_t>(rank_slot_offset_.at(at(rank) + 1));
    return slot_expert(layer).subspan(first, last - first);
}

std::span<SlotId const> Placement::slots_of(LayerId layer, ExpertId expert) const {
    auto const& [experts, offset, replica] = of(layer);
    auto const first = static_cast<std::size_t>(offset[at(expert)]);
    return std::span(replica).subspan(first,
                                      static_cast<std::size_t>(offset[at(expert) + 1]) - first);
}

std::vector<int32_t> even_slots(int ranks, int slots) {
    if (ranks < 1 || slots < 0)
        throw InputError(fmt::format(
            "{} slots on {} ranks (slots cannot be negative, ranks at least 1). Correct them",
            slots, ranks));
    std::vector<int32_t> offset;
    for (int64_t r = 0; r <= ranks; ++r)
        offset.push_back(narrow<int32_t>((r * slots + ranks - 1) / ranks));
    return offset;
}

Placement linear_placement(int layers, int num_experts, int ranks) {
    check(layers > 0 && num_experts > 0 && ranks > 0, "a placement has layers, experts and ranks");
    std::vector<ExpertId> experts;
    for (int e = 0; e < num_experts; ++e) experts.push_back(ExpertId{e});
    return {0, num_experts, even_slots(ranks, num_experts),
            std::vector(static_cast<std::size_t>(layers), experts)};
}

}  // namespace epsim
