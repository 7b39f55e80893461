#include <algorithm>
#include <memory>

#include "app/open_generator.hpp"
#include "app/trace_command.hpp"
#include "config/key.hpp"
#include "config/layering.hpp"

namespace epsim {
namespace {

struct GenerateFlags {
    ConfigLayering options;  // of [routing]
    TokenOptions tokens{.per_step = 1024, .steps = 1};
    int num_experts = 0, top_k = 0, layers = 1;
    std::string output;
};

ExitCode generate(GenerateFlags const& flags) {
    auto const& routing = flags.options.config.routing;
    auto const source =
        open_generator(routing, flags.tokens, flags.num_experts, flags.top_k, flags.layers);
    return write_and_tell(*source, flags.output);
}

/// Every key of [routing] that feeds generators, as a flag of the same name.
void add_routing_options(CLI::App& command, std::shared_ptr<GenerateFlags> const& flags) {
    for (auto const& key : config_keys()) {
        auto const leaf = key.leaf();
        if (key.section() != "routing" || leaf == "trace" || leaf == "generator" ||
            leaf == "layers")
            continue;
        auto name = "--" + leaf;
        std::ranges::replace(name, '_', '-');
        command
            .add_option_function<std::string>(
                name,
                [flags, path = key.path](std::string const& text) {
                    flags->options.apply(Override{path, text});
                },
                key.help)
            ->type_name(key.type)
            ->default_str(key.get(flags->options.config));
    }
}

}  // namespace

void add_trace_generate_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<GenerateFlags>();
    auto& command = *trace.add_subcommand("generate", "Synthetic routing");
    command
        .add_option_function<std::string>(
            "GENERATOR",
            [flags](std::string const& name) {
                flags->options.apply(Override{"routing.generator", name});
            },
            "How popular experts are")
        ->type_name(find_key(config_keys(), "routing.generator")->type)
        ->required();
    command.add_option("--num-experts", flags->num_experts, "Experts of a layer")->required();
    command.add_option("--top-k", flags->top_k, "Experts of a token, distinct")->required();
    command.add_option("--layers", flags->layers, "Layers")->capture_default_str();
    add_size_option(command, "--tokens", flags->tokens.per_step, 1,
                    "Tokens of a step, all sources");
    add_size_option(command, "--steps", flags->tokens.steps, 1, "Steps");
    add_routing_options(command, flags);
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    command.callback([flags, &action] { action = [flags] { return generate(*flags); }; });
}

}  // namespace epsim
