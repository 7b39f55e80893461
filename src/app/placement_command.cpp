#include <fmt/format.h>

#include <memory>

#include "app/commands.hpp"
#include "app/expert_traffic.hpp"
#include "app/placement_forms.hpp"
#include "app/placement_text.hpp"
#include "config/presets.hpp"
#include "config/resolve.hpp"
#include "core/text.hpp"
#include "model/formulas.hpp"
#include "trace/option_range.hpp"

namespace epsim {
namespace {

constexpr int most_ranks = 1 << 16;

/// Where loads come from: a trace file or counts.
struct TrafficFlags {
    std::string trace, counts;

    void add(CLI::App& command, std::string const& trace_name, std::string const& counts_name,
             std::string const& what) {
        command.add_option(trace_name, trace, "A trace file" + what);
        command.add_option(counts_name, counts,
                           "Counts" + what + ": any file of counts that epsim trace import knows");
    }
    bool given() const { return !trace.empty() || !counts.empty(); }
    ExpertTraffic read(int ranks, ImportRequest const& request) const {
        if (trace.empty() == counts.empty())
            throw InputError("expert loads come from one file. Give a trace or counts, not both");
        return trace.empty() ? traffic_of_counts(counts, request) : traffic_of_trace(trace, ranks);
    }
};

struct PlacementFlags {
    TrafficFlags train, test;
    int ranks = 0, nodes = 1, groups = 0;
    std::optional<int> slots;
    uint64_t seed = 1;
    double limit_s = 60;
    bool twins = false, json = false;
    std::string strategy = "search", choice = "round-robin", model, dtype = "bf16";
    std::string input, output, form;
    std::vector<std::string> strategies{"linear", "eplb", "greedy", "search", "topology"}, files;
    ImportRequest request;

    std::optional<ModelShape> shape() const {
        if (model.empty()) return std::nullopt;
        auto const path = PresetFolder(config_dir() / "models").find(model);
        return preset_shape({path.string(), read_text_file(path)});
    }
    PlacementUnits units() const {
        auto const known = shape();
        if (!known) return {};
        auto const type = dtype_from(dtype);
        return {2.0 * static_cast<double>(row_bytes(*known, type)),
                static_cast<double>(expert_params(*known) * bytes_of(type))};
    }
    ClusterTopology topology(int n) const {
        require_option(nodes >= 1 && nodes <= n && n % nodes == 0, "--nodes", nodes,
                       fmt::format("it divides the {} ranks", n));
        return ClusterTopology::blocks(n, n / nodes);
    }
    PlacementProblem problem(ExpertTraffic const& traffic) const {
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
    NamedPlacement make(std::string const& name, ExpertTraffic const& traffic) const {
        return {make_placement(enum_from<Strategy>(name), problem(traffic)), traffic.layer,
                model.empty() ? traffic.model : model, name};
    }
    JudgedPlacement judge(std::string name, NamedPlacement named, ExpertTraffic const& by) const {
        auto const& p = named.placement;
        auto picked = pick_layers(named, by.layer, by.experts(), p.ranks(), name);
        std::vector<LayerLoads> loads;
        auto const replica = enum_from<ReplicaChoice>(choice);
        auto const where = topology(p.ranks());
        for (int l = 0; l < by.layers(); ++l)
            loads.push_back(
                layer_loads(picked, LayerId{l}, by.sources(l, p.ranks()), where, replica));
        NamedPlacement judged{std::move(picked), by.layer, named.model, named.strategy};
        return {std::move(name), std::move(judged), std::move(loads)};
    }
    void print(std::vector<JudgedPlacement> const& judged, bool even_sources) const {
        if (json) return fmt::print("{}\n", placement_json(judged, units()).dump(2));
        fmt::print("{}", placement_table(judged, units(), stdout_style()));
        if (even_sources)
            fmt::print("{}", note("Counts do not say which rank sends what: every rank's tokens "
                                  "are taken to choose alike.",
                                  stdout_style()));
    }
    void require_ranks() const {
        require_option(ranks >= 1 && ranks <= most_ranks, "--ranks", ranks, "1 to 65536");
    }
};

ExitCode make(PlacementFlags const& flags) {
    flags.require_ranks();
    auto const traffic = flags.train.read(flags.ranks, flags.request);
    auto const named = flags.make(flags.strategy, traffic);
    write_placement(named, flags.output);
    flags.print({flags.judge(flags.strategy, named, traffic)}, traffic.source_load.empty());
    return ExitCode::success;
}

ExitCode show(PlacementFlags const& flags) {
    auto const named = read_placement(flags.input);
    auto const& p = named.placement;
    if (flags.train.given()) {
        auto const traffic = flags.train.read(p.ranks(), flags.request);
        flags.print({flags.judge(flags.input, named, traffic)}, traffic.source_load.empty());
        return ExitCode::success;
    }
    int most = 0;
    for (int l = 0; l < p.layers(); ++l)
        for (int e = 0; e < p.num_experts(); ++e)
            most =
                std::max(most, static_cast<int>(std::ssize(p.slots_of(LayerId{l}, ExpertId{e}))));
    if (flags.json)
        fmt::print("{}\n", nlohmann::ordered_json{{"model", named.model},
                                                  {"strategy", named.strategy},
                                                  {"version", p.version()},
                                                  {"layers", p.layers()},
                                                  {"num_experts", p.num_experts()},
                                                  {"ranks", p.ranks()},
                                                  {"slots", p.slots()},
                                                  {"most_replicas", most}}
                               .dump(2));
    else
        fmt::print(
            "{}: strategy {}, {} experts in {} slots of {} ranks, {} layers, at most {} "
            "replicas of an expert\n",
            flags.input, named.strategy.empty() ? "unknown" : named.strategy, p.num_experts(),
            p.slots(), p.ranks(), p.layers(), most);
    return ExitCode::success;
}

ExitCode compare(PlacementFlags const& flags) {
    flags.require_ranks();
    auto const train = flags.train.read(flags.ranks, flags.request);
    auto const judged_by = flags.test.given() ? flags.test.read(flags.ranks, flags.request) : train;
    std::vector<JudgedPlacement> judged;
    for (auto const& name : flags.strategies)
        judged.push_back(flags.judge(name, flags.make(name, train), judged_by));
    for (auto const& file : flags.files)
        judged.push_back(flags.judge(file, read_placement(file), judged_by));
    flags.print(judged, judged_by.source_load.empty());
    return ExitCode::success;
}

ExitCode import_file(PlacementFlags const& flags) {
    auto request = flags.request;
    request.files = {flags.input};
    write_placement(import_placement(request, flags.ranks), flags.output);
    return ExitCode::success;
}

ExitCode export_file(PlacementFlags const& flags) {
    export_placement(read_placement(flags.input), flags.form, flags.output);
    return ExitCode::success;
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

void add_judge_options(CLI::App& command, PlacementFlags& flags) {
    command.add_option("--replica-choice", flags.choice, "As placement.replica_choice of a run")
        ->capture_default_str();
    command.add_option("--model", flags.model, "A preset: gives bytes");
    command.add_option("--num-experts", flags.request.num_experts,
                       "Of a layer, where a file of counts does not say it");
    command.add_option("--dtype", flags.dtype, "Of rows and weights: fp32 or bf16")
        ->capture_default_str();
    command.add_flag("--json", flags.json, "As JSON, with every layer and rank");
}

using Run = ExitCode (*)(PlacementFlags const&);
CLI::App& add_one(CLI::App& placement, Action& action, char const* name, char const* help,
                  std::shared_ptr<PlacementFlags> const& flags, Run run) {
    auto& command = *placement.add_subcommand(name, help);
    command.callback([&action, flags, run] { action = [flags, run] { return run(*flags); }; });
    return command;
}

}  // namespace

void add_placement_command(CLI::App& root, Action& action) {
    auto& placement =
        *root.add_subcommand("placement", "Which experts live where: plan, judge, convert");
    placement.require_subcommand(1);
    auto const fresh = [] { return std::make_shared<PlacementFlags>(); };

    auto flags = fresh();
    auto* command =
        &add_one(placement, action, "make", "Place experts by their loads", flags, make);
    flags->train.add(*command, "--trace", "--counts", "");
    command
        ->add_option("--strategy", flags->strategy,
                     fmt::format("{}", fmt::join(enum_names<Strategy>, ", ")))
        ->capture_default_str();
    command->add_option("-o,--output", flags->output, "The file to write")->required();
    add_problem_options(*command, *flags);
    add_judge_options(*command, *flags);

    flags = fresh();
    command = &add_one(placement, action, "show", "What a file holds; under a load, what it does",
                       flags, show);
    command->add_option("FILE", flags->input, "A placement file")->required();
    flags->train.add(*command, "--trace", "--counts", "");
    command->add_option("--nodes", flags->nodes, "Nodes of equally many ranks")
        ->capture_default_str();
    add_judge_options(*command, *flags);

    flags = fresh();
    command =
        &add_one(placement, action, "compare", "Strategies and files side by side", flags, compare);
    flags->train.add(*command, "--trace,--train", "--counts,--train-counts", " to plan by");
    flags->test.add(*command, "--test", "--test-counts", " to judge by");
    command->add_option("--strategies", flags->strategies, "As eplb,search")
        ->delimiter(',')
        ->default_str("linear,eplb,greedy,search,topology");
    command->add_option("--placement", flags->files, "Placement files, too");
    add_problem_options(*command, *flags);
    add_judge_options(*command, *flags);

    flags = fresh();
    command =
        &add_one(placement, action, "import", "From another system's form", flags, import_file);
    command
        ->add_option("FILE", flags->input,
                     "SGLang's --init-expert-location, TensorRT-LLM's EPLB YAML, omni-infer's .npy")
        ->required();
    command->add_option("--ranks", flags->ranks, "That share its slots, if it does not say");
    command->add_option("--num-experts", flags->request.num_experts,
                        "Of a layer; default as many as are named");
    command->add_option("--first-layer", flags->request.first_layer,
                        "The model's number of the file's first layer; default 0");
    command->add_option("-o,--output", flags->output, "The file to write")->required();

    flags = fresh();
    command = &add_one(placement, action, "export", "To another system's form", flags, export_file);
    command->add_option("FILE", flags->input, "A placement file")->required();
    command->add_option("--form", flags->form, "sglang-placement, trtllm-eplb or omni-placement")
        ->required();
    command->add_option("-o,--output", flags->output, "The file to write")->required();
}

}  // namespace epsim
