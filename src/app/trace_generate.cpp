#include <memory>

#include "app/trace_command.hpp"
#include "trace/generator.hpp"

namespace epsim {
namespace {

struct GenerateFlags {
    RoutingOptions routing;
    TokenOptions tokens{.per_step = 1024, .steps = 1};
    int num_experts = 0, top_k = 0, layers = 1;
    std::string output;
};

ExitCode generate(GenerateFlags const& flags) {
    auto const source =
        make_generator(flags.routing, flags.tokens, flags.num_experts, flags.top_k, flags.layers);
    return write_and_tell(*source, flags.output);
}

}  // namespace

void add_trace_generate_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<GenerateFlags>();
    auto& command = *trace.add_subcommand("generate", "Synthetic routing of independent tokens");
    command.add_option("GENERATOR", flags->routing.generator, "uniform or zipf")->required();
    command.add_option("--num-experts", flags->num_experts, "Experts of a layer")->required();
    command.add_option("--top-k", flags->top_k, "Experts of a token, distinct")->required();
    command.add_option("--layers", flags->layers, "Layers")->capture_default_str();
    add_size_option(command, "--tokens", flags->tokens.per_step, 1,
                    "Tokens of a step, all sources");
    add_size_option(command, "--steps", flags->tokens.steps, 1, "Steps");
    command
        .add_option("--zipf-s", flags->routing.zipf_s,
                    "Zipf exponent: weight of the p-th expert is p^-s")
        ->capture_default_str();
    command
        .add_option("--sources", flags->routing.sources,
                    "Source ranks that share the tokens of a step evenly")
        ->capture_default_str();
    command.add_option("--seed", flags->routing.seed, "Seed")->capture_default_str();
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    command.callback([flags, &action] { action = [flags] { return generate(*flags); }; });
}

}  // namespace epsim
