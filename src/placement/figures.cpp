#include "placement/figures.hpp"

#include <algorithm>
#include <numeric>

namespace epsim {
namespace {

double sum_of(std::span<double const> loads) {
    return std::accumulate(loads.begin(), loads.end(), 0.0);
}

/// sum over layers of max / the same of mean
double skew(std::span<LayerLoads const> layers, std::vector<double> LayerLoads::*which) {
    double most = 0, mean = 0;
    for (auto const& layer : layers) {
        auto const& loads = layer.*which;
        most += std::ranges::max(loads);
        mean += sum_of(loads) / static_cast<double>(loads.size());
    }
    return mean > 0 ? most / mean : 1;
}

}  // namespace

LayerLoads layer_loads(Placement const& placement, LayerId layer,
                       Array<double, 2> const& source_load, ClusterTopology const& topology,
                       ReplicaChoice choice) {
    LayerLoads loads{std::vector<double>(static_cast<std::size_t>(placement.num_experts())),
                     std::vector<double>(static_cast<std::size_t>(placement.ranks())),
                     std::vector<double>(static_cast<std::size_t>(topology.nodes()))};
    std::vector<SlotId> slots;
    for (int r = 0; r < placement.ranks(); ++r)
        for (int e = 0; e < placement.num_experts(); ++e) {
            double const load = source_load(r, e);
            loads.expert[static_cast<std::size_t>(e)] += load;
            auto const all = placement.slots_of(layer, ExpertId{e});
            slots.clear();
            if (choice == ReplicaChoice::nearest)
                append_nearest(placement, topology, RankId{r}, all, slots);
            else
                slots.assign(all.begin(), all.end());
            double const share = load / static_cast<double>(slots.size());
            for (SlotId const s : slots) {
                RankId const to = placement.rank_of(s);
                loads.rank[static_cast<std::size_t>(index(to))] += share;
                loads.node[static_cast<std::size_t>(topology.node_of(to))] += share;
                auto const link = topology.link(RankId{r}, to);
                if (link != LinkClass::self) loads.off_rank += share;
                if (link == LinkClass::network) loads.off_node += share;
            }
        }
    return loads;
}

Array<double, 2> even_sources(std::span<double const> load, int ranks) {
    Array<double, 2> sources({ranks, std::ssize(load)});
    for (int r = 0; r < ranks; ++r)
        for (std::size_t e = 0; e < load.size(); ++e)
            sources(r, static_cast<int64_t>(e)) = load[e] / ranks;
    return sources;
}

PlacementFigures figures_of(std::span<LayerLoads const> layers) {
    PlacementFigures figures{skew(layers, &LayerLoads::expert),
                             skew(layers, &LayerLoads::rank),
                             skew(layers, &LayerLoads::node),
                             0,
                             0,
                             0};
    for (auto const& layer : layers) {
        figures.off_rank += layer.off_rank;
        figures.off_node += layer.off_node;
        figures.assignments += sum_of(layer.expert);
    }
    return figures;
}

}  // namespace epsim
