#include "app/placement_flags.hpp"

#include <fmt/format.h>

#include "config/presets.hpp"
#include "config/resolve.hpp"
#include "core/text.hpp"
#include "model/formulas.hpp"
#include "trace/option_range.hpp"

namespace epsim {
namespace {

constexpr int most_ranks = 1 << 16;

void require_one(TrafficFlags const& flags) {
    if (flags.trace.empty() == flags.counts.empty())
        throw InputError("expert loads come from one file. Give a trace or counts, not both");
}

}  // namespace

void TrafficFlags::add(CLI::App& command, std::string const& trace_name,
                       std::string const& counts_name, std::string const& what) {
    command.add_option(trace_name, trace, "A trace file" + what);
    command.add_option(counts_name, counts,
                       "Counts" + what + ": any file of counts that epsim trace import knows");
}

ExpertTraffic TrafficFlags::read(int ranks, ImportRequest const& request) const {
    require_one(*this);
    return trace.empty() ? traffic_of_counts(counts, request) : traffic_of_trace(trace, ranks);
}

std::vector<Array<double, 2>> TrafficFlags::read_steps(ImportRequest const& request) const {
    require_one(*this);
    auto steps = trace.empty() ? steps_of_counts(counts, request) : steps_of_trace(trace);
    if (steps.empty()) throw InputError("the loads have no steps (nothing drifts). Give others");
    return steps;
}

std::optional<ModelShape> PlacementFlags::shape() const {
    if (model.empty()) return std::nullopt;
    auto const path = PresetFolder(config_dir() / "models").find(model);
    return preset_shape({path.string(), read_text_file(path)});
}

PlacementUnits PlacementFlags::units() const {
    auto const known = shape();
    if (!known) return {};
    auto const type = dtype_from(dtype);
    return {2.0 * static_cast<double>(row_bytes(*known, type)),
            static_cast<double>(expert_params(*known) * bytes_of(type))};
}

ClusterTopology PlacementFlags::topology(int n) const {
    require_option(nodes >= 1 && nodes <= n && n % nodes == 0, "--nodes", nodes,
                   fmt::format("it divides the {} ranks", n));
    return ClusterTopology::blocks(n, n / nodes);
}

PlacementProblem PlacementFlags::problem(ExpertTraffic const& traffic) const {
    auto const known = shape();
    if (known && known->num_experts != traffic.experts())
        throw InputError(
            fmt::format("{} has {} experts, the loads are of {}. Choose the model "
                        "of the loads",
                        model, known->num_experts, traffic.experts()));
    PlacementProblem problem{traffic.load, even_slots(ranks, slots.value_or(traffic.experts())),
                             topology(ranks)};
    problem.groups = groups > 0 ? groups : known ? std::max(1, known->gate.n_group) : 1;
    problem.twins = twins ? Twins::allowed : Twins::forbidden;
    problem.seed = seed;
    problem.limit_s = limit_s;
    problem.source_load = traffic.source_load;
    problem.pairs = traffic.pairs;
    return problem;
}

NamedPlacement PlacementFlags::make(std::string const& name, ExpertTraffic const& traffic) const {
    return {make_placement(enum_from<Strategy>(name), problem(traffic)), traffic.layer,
            model.empty() ? traffic.model : model, name};
}

JudgedPlacement PlacementFlags::judge(std::string name, NamedPlacement named,
                                      ExpertTraffic const& by) const {
    auto const& p = named.placement;
    auto picked = pick_layers(named, by.layer, by.experts(), p.ranks(), name);
    std::vector<LayerLoads> loads;
    auto const replica = enum_from<ReplicaChoice>(choice);
    auto const where = topology(p.ranks());
    for (int l = 0; l < by.layers(); ++l)
        loads.push_back(layer_loads(picked, LayerId{l}, by.sources(l, p.ranks()), where, replica));
    NamedPlacement judged{std::move(picked), by.layer, named.model, named.strategy};
    return {std::move(name), std::move(judged), std::move(loads)};
}

void PlacementFlags::print(std::vector<JudgedPlacement> const& judged, bool even_sources) const {
    if (json) return fmt::print("{}\n", placement_json(judged, units()).dump(2));
    fmt::print("{}", placement_table(judged, units(), stdout_style()));
    if (even_sources)
        fmt::print("{}", note("Counts do not say which rank sends what: every rank's tokens "
                              "are taken to choose alike.",
                              stdout_style()));
}

void PlacementFlags::require_ranks() const {
    require_option(ranks >= 1 && ranks <= most_ranks, "--ranks", ranks, "1 to 65536");
}

void add_problem_options(CLI::App& command, PlacementFlags& flags) {
    command.add_option("--ranks", flags.ranks, "Ranks to place experts on")->required();
    command.add_option("--nodes", flags.nodes, "Nodes of equally many ranks")
        ->capture_default_str();
    command.add_option("--slots", flags.slots, "Over all ranks; default one an expert");
    command.add_option("--groups", flags.groups,
                       "Groups of experts that routing limits; default the model's");
    command.add_option("--seed", flags.seed, "Of strategy random")->capture_default_str();
    command.add_option("--limit-s", flags.limit_s, "Of strategy optimal, a layer")
        ->capture_default_str();
    command.add_flag("--twins", flags.twins, "Allow two replicas of one expert on one rank");
}

void add_unit_options(CLI::App& command, PlacementFlags& flags) {
    command.add_option("--model", flags.model, "A preset: gives bytes");
    command.add_option("--num-experts", flags.request.num_experts,
                       "Of a layer, where a file of counts does not say it");
    command.add_option("--dtype", flags.dtype, "Of rows and weights: fp32 or bf16")
        ->capture_default_str();
    command.add_flag("--json", flags.json, "As JSON, with every layer and rank");
}

void add_judge_options(CLI::App& command, PlacementFlags& flags) {
    command.add_option("--replica-choice", flags.choice, "As placement.replica_choice of a run")
        ->capture_default_str();
    add_unit_options(command, flags);
}

}  // namespace epsim
