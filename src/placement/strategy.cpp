#include "placement/strategy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/cast.hpp"
#include "placement/coactive.hpp"
#include "placement/deal.hpp"
#include "placement/eplb.hpp"
#include "placement/greedy.hpp"
#include "placement/optimal.hpp"
#include "placement/topology_aware.hpp"

namespace epsim {
namespace {

Slots place(Strategy strategy, PlacementProblem const& all, int l) {
    auto const problem = all.layer(l);
    switch (strategy) {
        case Strategy::linear:
            return linear_slots(problem);
        case Strategy::round_robin:
            return round_robin_slots(problem);
        case Strategy::random:
            return random_slots(problem, all.seed, l);
        case Strategy::eplb:
            return eplb_hierarchical(problem);
        case Strategy::eplb_global:
            return eplb_global(problem);
        case Strategy::greedy:
            return greedy_slots(problem);
        case Strategy::search:
            return searched_slots(problem);
        case Strategy::coactivation:
            return coactive_slots(problem);
        case Strategy::topology:
            return topology_slots(problem);
        case Strategy::optimal:
            return optimal_slots(problem, all.limit_s);
    }
    check(false, "a strategy");
    return {};
}

/// \throws InputError where no strategy can have an answer
void require_possible(PlacementProblem const& problem) {
    int const slots = problem.rank_slot_offset.back(), experts = problem.experts();
    if (slots < experts)
        throw InputError(
            fmt::format("{} slots for {} experts (each expert needs one). Use at least {} slots",
                        slots, experts, experts));
    if (problem.twins == Twins::allowed) return;
    auto const& offset = problem.rank_slot_offset;
    for (std::size_t r = 0; r + 1 < offset.size(); ++r)
        if (int const mine = offset[r + 1] - offset[r]; mine > experts)
            throw InputError(fmt::format(
                "{} slots on rank {} for {} experts (an expert would have more replicas than there "
                "are ranks: two on one). Use at most {} slots, or allow twins",
                mine, r, experts, static_cast<int64_t>(experts) * problem.topology.ranks()));
}

}  // namespace

LayerProblem PlacementProblem::layer(int l) const {
    auto const n = static_cast<std::size_t>(experts());
    auto const at = static_cast<std::size_t>(l);
    return {.load = load.flat().subspan(at * n, n),
            .rank_slot_offset = rank_slot_offset,
            .topology = topology,
            .groups = groups,
            .twins = twins,
            .source_load = source_load.empty() ? nullptr : &source_load[at],
            .pairs = pairs.empty() ? nullptr : &pairs[at]};
}

Placement make_placement(Strategy strategy, PlacementProblem const& problem, int version) {
    check(problem.rank_slot_offset.size() == static_cast<std::size_t>(problem.topology.ranks()) + 1,
          "slots are of the topology's ranks");
    require_possible(problem);
    std::vector<Slots> layers;
    for (int l = 0; l < problem.layers(); ++l) layers.push_back(place(strategy, problem, l));
    return {version, problem.experts(), problem.rank_slot_offset, std::move(layers)};
}

}  // namespace epsim
