#pragma once

#include <cmath>
#include <random>

#include "placement/strategy.hpp"

namespace epsim::test {

/// A skewed load of random size, with sources and pairs: S slots from E to E R.
inline PlacementProblem random_problem(std::mt19937& random, int most_experts = 40,
                                       int most_ranks = 9) {
    auto const draw = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    int const experts = 1 + draw(most_experts), ranks = 1 + draw(most_ranks);
    int const layers = 1 + draw(2);
    int const spare = experts * (ranks - 1);
    int const extra = draw(3) == 0 ? draw(spare + 1) : std::min(spare, draw(2 * ranks));
    PlacementProblem problem{Array<double, 2>({layers, experts}),
                             even_slots(ranks, experts + extra),
                             ClusterTopology::blocks(ranks, 1 + draw(ranks))};
    int const nodes = problem.topology.nodes();
    problem.groups = experts % nodes == 0 && draw(2) == 0 ? nodes : 1;
    problem.seed = random();
    std::lognormal_distribution<double> popularity(0, 1);
    for (int l = 0; l < layers; ++l) {
        auto& sources = problem.source_load.emplace_back(Array<double, 2>::Shape{ranks, experts});
        RoutingBatch tokens{std::min(experts, 3), {}, {}};
        for (int e = 0; e < experts; ++e)
            for (int r = 0; r < ranks; ++r) {
                sources(r, e) = draw(10) == 0 ? 0 : std::floor(100 * popularity(random));
                problem.load(l, e) += sources(r, e);
            }
        for (int t = 0; t < 50; ++t) {
            int const first = draw(experts);
            for (int i = 0; i < tokens.top_k; ++i)
                tokens.expert.push_back(ExpertId{(first + i) % experts});
        }
        problem.pairs.emplace_back(experts).add(tokens);
    }
    return problem;
}

/// Load of the heaviest rank of a layer, by definition.
inline double heaviest(Placement const& placement, int layer, PlacementProblem const& problem) {
    std::vector<double> load(static_cast<std::size_t>(placement.ranks()));
    auto const experts = placement.slot_expert(LayerId{layer});
    for (std::size_t s = 0; s < experts.size(); ++s) {
        if (experts[s] == no_expert) continue;
        auto const replicas = std::ranges::count(experts, experts[s]);
        load[static_cast<std::size_t>(index(placement.rank_of(SlotId{static_cast<int>(s)})))] +=
            problem.load(layer, index(experts[s])) / static_cast<double>(replicas);
    }
    return std::ranges::max(load);
}

}  // namespace epsim::test
