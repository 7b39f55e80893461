#include <fmt/format.h>

#include <memory>

#include "app/commands.hpp"
#include "app/placement_drift.hpp"
#include "app/placement_flags.hpp"
#include "app/placement_forms.hpp"

namespace epsim {
namespace {

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

/// Loads step by step; the first placement is planned on the first step's.
ExitCode drift(PlacementFlags const& flags) {
    flags.require_ranks();
    auto const steps = flags.train.read_steps(flags.request);
    auto const problem = flags.problem({steps.front()});
    auto const strategy = enum_from<Strategy>(flags.strategy);
    auto const first = make_placement(strategy, problem);
    std::vector<Drift> drifts;
    for (auto const& policy : flags.policies)
        drifts.push_back(drift_under(policy, first, steps, problem));
    drifts.push_back(drift_in_hindsight(Strategy::eplb, steps, problem));
    if (flags.json)
        fmt::print("{}\n", drift_json(drifts, flags.units()).dump(2));
    else
        fmt::print("{}", drift_table(drifts, flags.units(), stdout_style()));
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
    flags->strategy = "linear";
    command =
        &add_one(placement, action, "drift",
                 "Policies of rebalancing side by side, over steps, without a run", flags, drift);
    flags->train.add(*command, "--trace", "--counts", "");
    command->add_option("--policy", flags->policies,
                        "Any of static and settings of placement.rebalance, as "
                        "interval=10,threshold=0.8 or preset=vllm; may be repeated");
    command
        ->add_option("--first", flags->strategy,
                     "Strategy of the first placement, on the first step's loads")
        ->capture_default_str();
    add_problem_options(*command, *flags);
    add_unit_options(*command, *flags);

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
