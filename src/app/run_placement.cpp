#include "app/run_placement.hpp"

#include <fmt/format.h>

#include "comm/mpi_session.hpp"
#include "core/sha256.hpp"
#include "placement/figures.hpp"
#include "store/placement_file.hpp"

namespace epsim {
namespace {

bool needs_loads(Strategy strategy) {
    return strategy != Strategy::linear && strategy != Strategy::round_robin &&
           strategy != Strategy::random;
}

/// Assignments of every rank's tokens over all steps. [L] of [R, E]. Collective.
std::vector<Array<double, 2>> source_loads(Config const& config, RoutingSource const& source,
                                           std::vector<LayerId> const& layers, Assign assign,
                                           Communicator const& comm) {
    std::vector<Array<double, 2>> loads(layers.size(),
                                        Array<double, 2>({comm.size(), config.shape.num_experts}));
    on_all_ranks(comm, [&] {
        for (int32_t s = 0; s < source.info().steps(); ++s) {
            auto const tokens = tokens_of_rank(source, assign, StepId{s}, comm.size(), comm.rank());
            for (std::size_t l = 0; l < layers.size(); ++l)
                for (ExpertId const e : read_tokens(source, StepId{s}, layers[l], tokens).expert)
                    if (e != no_expert) ++loads[l](index(comm.rank()), index(e));
        }
    });
    for (auto& layer : loads) comm.all_sum(layer.flat());
    return loads;
}

Placement by_strategy(Config const& config, std::vector<Array<double, 2>> source_load,
                      std::size_t layers, ClusterTopology const& topology) {
    auto const& options = config.placement;
    int const experts = config.shape.num_experts;
    PlacementProblem problem{Array<double, 2>({static_cast<int64_t>(layers), experts}),
                             even_slots(topology.ranks(), experts + options.redundant_slots),
                             topology};
    for (std::size_t l = 0; l < source_load.size(); ++l)
        for (int r = 0; r < topology.ranks(); ++r)
            for (int e = 0; e < experts; ++e)
                problem.load(static_cast<int64_t>(l), e) += source_load[l](r, e);
    problem.groups = std::max(1, config.shape.gate.n_group);
    problem.seed = config.routing.seed;
    problem.source_load = std::move(source_load);
    return make_placement(options.strategy, problem);
}

/// Expected, by the loads that the run will have.
void judge(Config const& config, std::vector<Array<double, 2>> const& loads,
           ClusterTopology const& topology, RunPlacement& made) {
    std::vector<LayerLoads> layers;
    for (std::size_t l = 0; l < loads.size(); ++l)
        layers.push_back(layer_loads(made.placement, LayerId{static_cast<int32_t>(l)}, loads[l],
                                     topology, config.placement.replica_choice));
    auto const figures = figures_of(layers);
    made.facts["balancedness"] = fmt::format("{:.4f}", figures.balancedness());
    made.facts["off_rank_share"] = fmt::format("{:.4f}", figures.off_rank / figures.assignments);
    made.facts["off_node_share"] = fmt::format("{:.4f}", figures.off_node / figures.assignments);
}

}  // namespace

RunPlacement make_run_placement(Config const& config, RoutingSource const& source,
                                std::vector<LayerId> const& layers, Assign assign,
                                ClusterTopology const& topology, Communicator const& comm) {
    auto const& options = config.placement;
    bool const from_file = !options.file.empty();
    std::vector<Array<double, 2>> loads;
    // Only where planned: a trace can be longer than anyone waits for before the memory's check.
    if (!from_file && needs_loads(options.strategy) && !config.gate_decides())
        loads = source_loads(config, source, layers, assign, comm);
    RunPlacement made{linear_placement(1, 1, 1), {}, {}};
    on_all_ranks(comm, [&] {
        if (!from_file) {
            if (loads.empty() && needs_loads(options.strategy))
                throw InputError(fmt::format(
                    "placement.strategy = {} needs to know loads (a gate decides while it runs). "
                    "Use linear, round-robin or random, or a placement.file",
                    name_of(options.strategy)));
            made.placement = by_strategy(config, loads, layers.size(), topology);
            return;
        }
        std::vector<int32_t> numbers;
        for (LayerId const l : layers)
            numbers.push_back(source.info().layer[static_cast<std::size_t>(index(l))]);
        made.placement = pick_layers(read_placement(options.file), numbers,
                                     config.shape.num_experts, comm.size(), options.file);
        if (comm.is_root()) made.sha256 = sha256_of_file(options.file);
    });
    auto& facts = made.facts;
    facts["strategy"] = from_file ? "file" : std::string(name_of(options.strategy));
    if (from_file) facts["file"] = options.file;
    if (from_file) facts["sha256"] = made.sha256;
    facts["slots"] = std::to_string(made.placement.slots());
    facts["replica_choice"] = name_of(options.replica_choice);
    if (loads.empty()) return made;
    facts["planned_on"] = "the replayed steps";
    judge(config, loads, topology, made);
    return made;
}

}  // namespace epsim
