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

/// Adds the assignments of this rank's tokens in a step. \param load [L, E]
void count_own(RoutingSource const& source, std::vector<LayerId> const& layers, Assign assign,
               Communicator const& comm, StepId step, Array<double, 2>& load) {
    auto const tokens = tokens_of_rank(source, assign, step, comm.size(), comm.rank());
    for (std::size_t l = 0; l < layers.size(); ++l)
        for (ExpertId const e : read_tokens(source, step, layers[l], tokens).expert)
            if (e != no_expert) ++load(static_cast<int64_t>(l), index(e));
}

/// Assignments of every rank's tokens over all steps. [L] of [R, E]. Collective.
std::vector<Array<double, 2>> source_loads(Config const& config, RoutingSource const& source,
                                           std::vector<LayerId> const& layers, Assign assign,
                                           Communicator const& comm) {
    int64_t const experts = config.shape.num_experts;
    std::vector<Array<double, 2>> loads(layers.size(), Array<double, 2>({comm.size(), experts}));
    on_all_ranks(comm, [&] {
        Array<double, 2> mine({std::ssize(layers), experts});
        for (int32_t s = 0; s < source.info().steps(); ++s)
            count_own(source, layers, assign, comm, StepId{s}, mine);
        for (std::size_t l = 0; l < layers.size(); ++l)
            for (int64_t e = 0; e < experts; ++e)
                loads[l](index(comm.rank()), e) = mine(static_cast<int64_t>(l), e);
    });
    for (auto& layer : loads) comm.all_sum(layer.flat());
    return loads;
}

/// Without loads.
PlacementProblem problem_of(Config const& config, std::size_t layers,
                            std::vector<int32_t> rank_slot_offset,
                            ClusterTopology const& topology) {
    PlacementProblem problem{
        Array<double, 2>({static_cast<int64_t>(layers), config.shape.num_experts}),
        std::move(rank_slot_offset), topology};
    problem.groups = std::max(1, config.shape.gate.n_group);
    problem.seed = config.routing.seed;
    return problem;
}

Placement by_strategy(Config const& config, std::vector<Array<double, 2>> source_load,
                      std::size_t layers, ClusterTopology const& topology) {
    auto const& options = config.placement;
    int const experts = config.shape.num_experts;
    auto problem = problem_of(
        config, layers, even_slots(topology.ranks(), experts + options.redundant_slots), topology);
    for (std::size_t l = 0; l < source_load.size(); ++l)
        for (int r = 0; r < topology.ranks(); ++r)
            for (int e = 0; e < experts; ++e)
                problem.load(static_cast<int64_t>(l), e) += source_load[l](r, e);
    problem.source_load = std::move(source_load);
    return make_placement(options.strategy, problem);
}

/// How the first placement changes. Every rank plans the same. Collective.
PlacementTimeline rebalance(Config const& config, RoutingSource const& source,
                            std::vector<LayerId> const& layers, Assign assign,
                            ClusterTopology const& topology, Placement const& first,
                            Communicator const& comm) {
    auto const offset = first.rank_slot_offset();
    auto const problem =
        problem_of(config, layers.size(), {offset.begin(), offset.end()}, topology);
    auto const loads_of_step = [&](int step) {
        Array<double, 2> load({std::ssize(layers), config.shape.num_experts});
        on_all_ranks(comm, [&] { count_own(source, layers, assign, comm, StepId{step}, load); });
        comm.all_sum(load.flat());
        return load;
    };
    return plan_rebalancing(config.placement.rebalance, first, narrow<int>(source.info().steps()),
                            loads_of_step, problem);
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
    if (options.rebalance.any()) {
        on_all_ranks(comm, [&] {
            made.timeline =
                rebalance(config, source, layers, assign, topology, made.placement, comm);
        });
        facts["rebalance"] = options.rebalance.preset;
    }
    facts["replica_choice"] = name_of(options.replica_choice);
    if (loads.empty()) return made;
    facts["planned_on"] = "the replayed steps";
    judge(config, loads, topology, made);
    return made;
}

}  // namespace epsim
