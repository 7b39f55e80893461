#include "placement/coactive.hpp"

#include <numeric>

#include "core/error.hpp"
#include "placement/arrangement.hpp"
#include "placement/packing.hpp"

namespace epsim {
namespace {

/// Split some experts over parts of given sizes. \return [parts] experts of each
std::vector<std::vector<int>> split(LayerProblem const& problem, std::span<int const> experts,
                                    std::span<int const> capacity) {
    auto const n = std::ssize(experts);
    Array<int64_t, 2> edge({n, n});
    std::vector<double> weight;
    for (int64_t i = 0; i < n; ++i) {
        int const a = experts[static_cast<std::size_t>(i)];
        weight.push_back(problem.load[static_cast<std::size_t>(a)]);
        for (int64_t j = 0; j < n; ++j)
            edge(i, j) = problem.pairs->tokens(a, experts[static_cast<std::size_t>(j)]);
    }
    auto const part = partition_graph(edge, weight, capacity);
    std::vector<std::vector<int>> parts(capacity.size());
    for (std::size_t i = 0; i < part.size(); ++i)
        parts[static_cast<std::size_t>(part[i])].push_back(experts[i]);
    return parts;
}

}  // namespace

Slots coactive_slots(LayerProblem const& problem) {
    if (!problem.pairs)
        throw InputError(
            "strategy coactivation needs to know which experts tokens choose together (counts do "
            "not say). Give a trace of tokens");
    auto const share = even_shares(problem);
    std::vector<std::vector<int>> ranks_of(static_cast<std::size_t>(problem.topology.nodes()));
    std::vector<std::vector<int>> share_of(ranks_of.size());
    std::vector<int> node_share(ranks_of.size());
    for (int r = 0; r < problem.ranks(); ++r) {
        auto const node = static_cast<std::size_t>(problem.node_of(r));
        ranks_of[node].push_back(r);
        share_of[node].push_back(share[static_cast<std::size_t>(r)]);
        node_share[node] += share_of[node].back();
    }
    std::vector<int> all(problem.load.size());
    std::iota(all.begin(), all.end(), 0);
    auto const by_node = split(problem, all, node_share);
    Arrangement arrangement(problem);
    for (std::size_t n = 0; n < ranks_of.size(); ++n) {
        auto const by_rank = split(problem, by_node[n], share_of[n]);
        for (std::size_t i = 0; i < by_rank.size(); ++i) {
            int slot = problem.first_slot(ranks_of[n][i]);
            for (int const e : by_rank[i]) arrangement.set(slot++, ExpertId{e});
        }
    }
    fill_with_replicas(arrangement);
    return arrangement.slots();
}

}  // namespace epsim
