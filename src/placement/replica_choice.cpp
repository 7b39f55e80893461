#include "placement/replica_choice.hpp"

#include <algorithm>

#include "core/cast.hpp"
#include "core/rng.hpp"

namespace epsim {
namespace {

constexpr CounterRng draws(1, RngStream::placement);

}  // namespace

void append_nearest(Placement const& placement, ClusterTopology const& topology, RankId rank,
                    std::span<SlotId const> slots, std::vector<SlotId>& out) {
    auto least = LinkClass::network;
    for (SlotId const s : slots) least = std::min(least, topology.link(rank, placement.rank_of(s)));
    for (SlotId const s : slots)
        if (topology.link(rank, placement.rank_of(s)) == least) out.push_back(s);
}

ReplicaChooser::ReplicaChooser(Placement const& placement, ClusterTopology const& topology,
                               RankId source, ReplicaChoice choice)
    : placement_(&placement),
      source_(source),
      choice_(choice),
      experts_(static_cast<std::size_t>(placement.num_experts())),
      sent_(static_cast<std::size_t>(placement.ranks())) {
    follow(placement, topology);
}

void ReplicaChooser::follow(Placement const& placement, ClusterTopology const& topology) {
    placement_ = &placement;
    first_.assign(1, 0);
    slot_.clear();
    for (int l = 0; l < placement.layers(); ++l)
        for (int e = 0; e < placement.num_experts(); ++e) {
            auto const all = placement.slots_of(LayerId{l}, ExpertId{e});
            if (choice_ == ReplicaChoice::nearest)
                append_nearest(placement, topology, source_, all, slot_);
            else
                slot_.insert(slot_.end(), all.begin(), all.end());
            first_.push_back(narrow<int32_t>(slot_.size()));
        }
}

SlotId ReplicaChooser::pick(std::span<SlotId const> from, std::size_t token, ExpertId expert,
                            LayerId layer) {
    auto const n = from.size();
    switch (choice_) {
        case ReplicaChoice::round_robin:
        case ReplicaChoice::nearest:
            return from[token % n];
        case ReplicaChoice::hash:
            return from[draws.words(0, 0, token)[0] % n];
        case ReplicaChoice::random:
            return from[draws.words(static_cast<uint32_t>(index(source_)) + 1,
                                    static_cast<uint32_t>(index(layer)),
                                    (token << 16) | static_cast<uint64_t>(index(expert)))[0] %
                        n];
        case ReplicaChoice::least_loaded:
            break;
    }
    auto const sent = [&](SlotId s) {
        return sent_[static_cast<std::size_t>(index(placement_->rank_of(s)))];
    };
    SlotId const best = *std::ranges::min_element(from, {}, sent);
    ++sent_[static_cast<std::size_t>(index(placement_->rank_of(best)))];
    return best;
}

void ReplicaChooser::choose(RoutingBatch const& routing, TokenRange tokens, LayerId layer,
                            SlotRouting& out) {
    auto const k = static_cast<std::size_t>(routing.top_k);
    auto const first = static_cast<std::size_t>(tokens.begin) * k;
    auto const n = static_cast<std::size_t>(tokens.size()) * k;
    auto const weight = std::span(routing.weight).subspan(first, n);
    out.top_k = routing.top_k;
    out.slot.resize(n);
    out.weight.assign(weight.begin(), weight.end());
    bool const counts = choice_ == ReplicaChoice::least_loaded;
    if (counts) {
        // What has no choice comes first.
        std::ranges::fill(sent_, 0);
        for (std::size_t i = 0; i < n; ++i)
            if (ExpertId const e = routing.expert[first + i]; e != no_expert)
                if (auto const from = candidates(layer, e); from.size() == 1)
                    ++sent_[static_cast<std::size_t>(index(placement_->rank_of(from[0])))];
    }
    for (std::size_t i = 0; i < n; ++i) {
        ExpertId const expert = routing.expert[first + i];
        if (expert == no_expert) {
            out.slot[i] = no_slot;
            continue;
        }
        auto const from = candidates(layer, expert);
        out.slot[i] = from.size() == 1 ? from[0] : pick(from, (first + i) / k, expert, layer);
    }
}

}  // namespace epsim
