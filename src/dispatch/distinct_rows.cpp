#include "dispatch/distinct_rows.hpp"

#include <algorithm>

namespace epsim {

DistinctRows distinct_rows(DispatchPlan const& plan, ClusterTopology const& topology) {
    std::vector<RankId> by_node;
    for (int r = 0; r < topology.ranks(); ++r) by_node.push_back(RankId{r});
    std::ranges::stable_sort(by_node, {}, [&](RankId r) { return topology.node_of(r); });

    DistinctRows distinct{std::vector<int64_t>(by_node.size()),
                          std::vector<int64_t>(static_cast<std::size_t>(topology.nodes())), 0};
    // Where each token was seen last: enough, since the ranks of a node follow each other.
    std::vector<int> rank_of(static_cast<std::size_t>(plan.tokens), -1), node_of(rank_of);
    for (RankId const to : by_node) {
        auto const r = static_cast<std::size_t>(index(to));
        int const node = topology.node_of(to);
        for (int64_t row = plan.row_offset[r]; row < plan.row_offset[r + 1]; ++row) {
            if (plan.row_token[static_cast<std::size_t>(row)] < 0) continue;
            auto const t = static_cast<std::size_t>(plan.row_token[static_cast<std::size_t>(row)]);
            distinct.tokens += node_of[t] < 0;
            distinct.to_node[static_cast<std::size_t>(node)] += node_of[t] != node;
            distinct.to_rank[r] += rank_of[t] != index(to);
            node_of[t] = node;
            rank_of[t] = index(to);
        }
    }
    return distinct;
}

}  // namespace epsim
