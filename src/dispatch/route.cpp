#include "dispatch/route.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "core/cast.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

/// What entries must have in common to share a key.
enum class Grain { slot, rank, node };

Grain grain_of(Dedup dedup) {
    return dedup == Dedup::none ? Grain::slot : dedup == Dedup::rank ? Grain::rank : Grain::node;
}

/// The last hop delivers to ranks: what was shared by a node is shared by a rank from there on.
Grain last_grain(Dedup dedup) {
    return dedup == Dedup::none ? Grain::slot : Grain::rank;
}

/// \param target of a final rank
template <class Target>
Route make_route(Placement const& placement, ClusterTopology const* topology, Grain grain,
                 Target&& target) {
    auto const slots = static_cast<std::size_t>(placement.slots());
    auto const ranks = static_cast<std::size_t>(placement.ranks());
    auto const rank_of = [&](std::size_t slot) {
        return placement.rank_of(SlotId{static_cast<int32_t>(slot)});
    };
    auto const group_of = [&](std::size_t slot) -> int32_t {
        if (grain == Grain::slot) return static_cast<int32_t>(slot);
        if (grain == Grain::rank) return index(rank_of(slot));
        return topology->node_of(rank_of(slot));
    };
    // Groups in the order of their targets become keys.
    std::size_t const groups = grain == Grain::slot   ? slots
                               : grain == Grain::rank ? ranks
                                                      : static_cast<std::size_t>(topology->nodes());
    std::vector<int32_t> target_of(groups, 0), order(groups), key_of(groups);
    for (std::size_t s = 0; s < slots; ++s)
        target_of[static_cast<std::size_t>(group_of(s))] = index(target(rank_of(s)));
    std::iota(order.begin(), order.end(), 0);
    auto const to = [&](int32_t g) { return target_of[static_cast<std::size_t>(g)]; };
    std::ranges::stable_sort(order, {}, to);

    Route route{std::vector<int32_t>(slots), std::vector<int32_t>(ranks + 1), grain != Grain::slot};
    for (std::size_t k = 0; k < groups; ++k) {
        key_of[static_cast<std::size_t>(order[k])] = static_cast<int32_t>(k);
        ++route.target_offset[static_cast<std::size_t>(to(order[k])) + 1];
    }
    std::partial_sum(route.target_offset.begin(), route.target_offset.end(),
                     route.target_offset.begin());
    for (std::size_t s = 0; s < slots; ++s)
        route.key_of_slot[s] = key_of[static_cast<std::size_t>(group_of(s))];
    return route;
}

/// The ranks of each node, ascending.
std::vector<std::vector<RankId>> ranks_by_node(ClusterTopology const& topology) {
    std::vector<std::vector<RankId>> ranks(static_cast<std::size_t>(topology.nodes()));
    for (int32_t r = 0; r < topology.ranks(); ++r)
        ranks[static_cast<std::size_t>(topology.node_of(RankId{r}))].push_back(RankId{r});
    return ranks;
}

RankId itself(RankId rank) {
    return rank;
}

}  // namespace

Dedup dedup_from(std::string_view name) {
    for (std::size_t i = 0; i < dedup_names.size(); ++i)
        if (name == dedup_names[i]) return static_cast<Dedup>(i);
    throw InputError(fmt::format("exchange.dedup = '{}' is not known (known: {}). Choose one", name,
                                 fmt::join(dedup_names, ", ")));
}

Routes flat_routes(Placement const& placement, Dedup dedup) {
    if (dedup == Dedup::node)
        throw InputError(
            "exchange.dedup = node with an algorithm of one hop (nobody forwards inside a node). "
            "Use exchange.algorithm = rail or hierarchical, or exchange.dedup = rank");
    return {make_route(placement, nullptr, grain_of(dedup), itself)};
}

Routes rail_routes(Placement const& placement, ClusterTopology const& topology, Dedup dedup,
                   RankId mine) {
    auto const by_node = ranks_by_node(topology);
    auto const place = static_cast<std::size_t>(topology.local_rank(mine));
    auto const on_rail = [&](RankId rank) {
        auto const& there = by_node[static_cast<std::size_t>(topology.node_of(rank))];
        return there[place % there.size()];
    };
    return {make_route(placement, &topology, grain_of(dedup), on_rail),
            make_route(placement, &topology, last_grain(dedup), itself)};
}

Routes hierarchical_routes(Placement const& placement, ClusterTopology const& topology, Dedup dedup,
                           RankId mine) {
    auto const by_node = ranks_by_node(topology);
    auto const leader = [&](RankId rank) {
        return by_node[static_cast<std::size_t>(topology.node_of(rank))].front();
    };
    auto const own_leader = [&](RankId) { return leader(mine); };
    return {make_route(placement, &topology, grain_of(dedup), own_leader),
            make_route(placement, &topology, grain_of(dedup), leader),
            make_route(placement, &topology, last_grain(dedup), itself)};
}

}  // namespace epsim
