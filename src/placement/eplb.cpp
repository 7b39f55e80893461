#include "placement/eplb.hpp"

#include <numeric>

#include "placement/packing.hpp"

namespace epsim {
namespace {

/// Make replicas of some experts and pack them to some ranks, whose slots they fill.
void fill_ranks(LayerProblem const& problem, std::span<int const> experts,
                std::span<int const> ranks, Slots& slots) {
    std::vector<double> load;
    for (int const e : experts) load.push_back(problem.load[static_cast<std::size_t>(e)]);
    std::vector<int> capacity;
    int with_slots = 0;
    for (int const r : ranks) {
        capacity.push_back(problem.capacity(r));
        with_slots += capacity.back() > 0;
    }
    int const total = std::accumulate(capacity.begin(), capacity.end(), 0);
    auto const replicas =
        make_replicas(load, total, problem.twins == Twins::allowed ? total : with_slots);
    std::vector<int> count(load.size()), kind;
    for (int const i : replicas) ++count[static_cast<std::size_t>(i)];
    std::vector<double> share;
    for (int const i : replicas) {
        auto const at = static_cast<std::size_t>(i);
        kind.push_back(experts[at]);
        share.push_back(load[at] / count[at]);
    }
    auto const bins = balanced_packing(share, kind, capacity, problem.twins);
    for (std::size_t b = 0; b < bins.size(); ++b)
        for (std::size_t i = 0; i < bins[b].size(); ++i)
            slots[static_cast<std::size_t>(problem.first_slot(ranks[b])) + i] =
                ExpertId{kind[static_cast<std::size_t>(bins[b][i])]};
}

std::vector<int> sequence(int first, int n) {
    std::vector<int> values(static_cast<std::size_t>(n));
    std::iota(values.begin(), values.end(), first);
    return values;
}

/// The ranks of each node.
std::vector<std::vector<int>> ranks_of_nodes(LayerProblem const& problem) {
    std::vector<std::vector<int>> ranks(static_cast<std::size_t>(problem.topology.nodes()));
    for (int r = 0; r < problem.ranks(); ++r)
        ranks[static_cast<std::size_t>(problem.node_of(r))].push_back(r);
    return ranks;
}

/// Whether each node can hold its share of the experts, and replicas of them in the other slots.
bool has_hierarchy(LayerProblem const& problem) {
    int const nodes = problem.topology.nodes();
    if (problem.groups % nodes != 0 || problem.experts() % problem.groups != 0) return false;
    int const share = problem.experts() / nodes;
    for (auto const& ranks : ranks_of_nodes(problem)) {
        int slots = 0;
        for (int const r : ranks) {
            slots += problem.capacity(r);
            if (problem.twins == Twins::forbidden && problem.capacity(r) > share) return false;
        }
        if (slots < share) return false;
    }
    return true;
}

}  // namespace

Slots eplb_global(LayerProblem const& problem) {
    Slots slots(static_cast<std::size_t>(problem.slots()), no_expert);
    fill_ranks(problem, sequence(0, problem.experts()), sequence(0, problem.ranks()), slots);
    return slots;
}

Slots eplb_hierarchical(LayerProblem const& problem) {
    if (!has_hierarchy(problem)) return eplb_global(problem);
    int const nodes = problem.topology.nodes();
    int const group_size = problem.experts() / problem.groups;
    std::vector<double> group_load(static_cast<std::size_t>(problem.groups));
    for (std::size_t e = 0; e < problem.load.size(); ++e)
        group_load[e / static_cast<std::size_t>(group_size)] += problem.load[e];
    auto const groups = balanced_packing(
        group_load, sequence(0, problem.groups),
        std::vector(static_cast<std::size_t>(nodes), problem.groups / nodes), problem.twins);
    Slots slots(static_cast<std::size_t>(problem.slots()), no_expert);
    auto const ranks = ranks_of_nodes(problem);
    for (std::size_t n = 0; n < ranks.size(); ++n) {
        std::vector<int> experts;
        for (int const g : groups[n])
            for (int const e : sequence(g * group_size, group_size)) experts.push_back(e);
        fill_ranks(problem, experts, ranks[n], slots);
    }
    return slots;
}

}  // namespace epsim
