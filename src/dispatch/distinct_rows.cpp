#include "dispatch/distinct_rows.hpp"

namespace epsim {

DistinctRows distinct_rows(SlotRouting const& routing, Placement const& placement,
                           ClusterTopology const& topology) {
    auto const ranks = static_cast<std::size_t>(topology.ranks());
    auto const nodes = static_cast<std::size_t>(topology.nodes());
    DistinctRows distinct{std::vector<int64_t>(ranks), std::vector<int64_t>(nodes), 0};
    // Which token each place was counted for last.
    std::vector<int64_t> rank_saw(ranks, -1), node_saw(nodes, -1);
    int64_t last = -1;
    for (std::size_t i = 0; i < routing.slot.size(); ++i) {
        if (routing.slot[i] == no_slot) continue;
        auto const token = static_cast<int64_t>(i) / routing.top_k;
        RankId const to = placement.rank_of(routing.slot[i]);
        auto const r = static_cast<std::size_t>(index(to));
        auto const n = static_cast<std::size_t>(topology.node_of(to));
        distinct.tokens += last != token;
        distinct.to_rank[r] += rank_saw[r] != token;
        distinct.to_node[n] += node_saw[n] != token;
        last = rank_saw[r] = node_saw[n] = token;
    }
    return distinct;
}

}  // namespace epsim
