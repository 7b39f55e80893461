#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "app/trace_command.hpp"
#include "core/build_info.hpp"
#include "core/text.hpp"
#include "trace/esft_source.hpp"
#include "trace/npy_source.hpp"
#include "trace/restepped.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

struct ImportFlags {
    std::string format, output, model, source;
    std::vector<fs::path> files;
    std::optional<fs::path> weights, seqlen;
    std::optional<double> weight_scale;
    std::optional<int> num_experts, top_k, first_layer;
    std::vector<int32_t> layers;
    int64_t steps_of = 0;
};

[[noreturn]] void fail(std::string const& what, std::string const& why, std::string const& advice) {
    throw InputError(fmt::format("{} ({}). {}", what, why, advice));
}

ImportText texts(ImportFlags const& flags) {
    auto source = flags.source;
    if (source.empty()) {  // names only: paths say nothing elsewhere
        std::vector<std::string> names;
        for (auto const& file : flags.files)
            names.push_back((fs::absolute(file) / "").parent_path().filename().string());
        source = fmt::format("{}", fmt::join(names, " "));
    }
    return {.producer = fmt::format("epsim {} trace import --format {}", build_info().version,
                                    flags.format),
            .source = std::move(source),
            .model = flags.model};
}

std::unique_ptr<RoutingSource const> open_npy(ImportFlags const& flags) {
    if (flags.files.size() != 1)
        fail(fmt::format("{} files of ids are given", flags.files.size()),
             "--format npy takes one, [layers, tokens, top_k] or [tokens, top_k]", "Join them");
    if (flags.top_k)
        fail("--top-k does not apply to --format npy", "the ids' last axis says it",
             "Leave it out");
    if (!flags.num_experts)
        fail("--num-experts is missing", "the ids do not say it", "Give the experts of a layer");
    if (flags.weight_scale && !flags.weights)
        fail("--weight-scale is given without --weights", "there is nothing that it multiplies",
             "Give the weights, or leave it out");
    if (flags.first_layer && !flags.layers.empty())
        fail("--layers and --first-layer are both given", "either numbers the layers",
             "Leave one out");
    return std::make_unique<NpySource>(NpyImport{.ids = flags.files[0],
                                                 .weights = flags.weights,
                                                 .weight_scale = flags.weight_scale,
                                                 .seqlen = flags.seqlen,
                                                 .num_experts = *flags.num_experts,
                                                 .layers = flags.layers,
                                                 .first_layer = flags.first_layer.value_or(0)},
                                       texts(flags));
}

std::unique_ptr<RoutingSource const> open_esft(ImportFlags const& flags) {
    if (flags.weights || flags.weight_scale || flags.seqlen || flags.first_layer ||
        !flags.layers.empty())
        fail(
            "--weights, --weight-scale, --seqlen, --layers and --first-layer do not apply to "
            "--format esft",
            "its files hold weights and sequences, their names the layers", "Leave them out");
    // What ESFT publishes is of DeepSeek-V2-Lite's architecture.
    return std::make_unique<EsftSource>(flags.files, flags.num_experts.value_or(64),
                                        flags.top_k.value_or(6), texts(flags));
}

ExitCode import(ImportFlags const& flags) {
    std::unique_ptr<RoutingSource const> source;
    if (flags.format == "npy")
        source = open_npy(flags);
    else if (flags.format == "esft")
        source = open_esft(flags);
    else
        fail(fmt::format("--format {} is unknown", flags.format), "it says what the files are",
             "Use npy or esft");
    TokenOptions cut;
    cut.per_step = flags.steps_of;
    return write_and_tell(*restep(std::move(source), cut), flags.output);
}

}  // namespace

void add_trace_import_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<ImportFlags>();
    auto& command = *trace.add_subcommand("import", "Recorded routing from other formats");
    command
        .add_option("FILES", flags->files,
                    "npy: the expert ids [layers, tokens, top_k] or [tokens, top_k]; esft: "
                    "expert_weights_<layer>.txt, or their folder")
        ->required();
    command.add_option("--format", flags->format, "npy or esft")->required();
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    command.add_option("--weights", flags->weights, "npy: gate weights, of the ids' shape");
    command.add_option_function<std::string>(
        "--weight-scale",
        [flags](std::string const& text) { flags->weight_scale = parse_ratio(text); },
        "npy: factor of the weights; integers need one");
    command.add_option("--seqlen", flags->seqlen, "npy: tokens of each sequence");
    command.add_option("--num-experts", flags->num_experts,
                       "Experts of a layer (esft: 64 if not given)");
    command.add_option("--top-k", flags->top_k, "esft: experts of a token (6 if not given)");
    command
        .add_option("--layers", flags->layers,
                    "npy: the model's layer numbers, as 1,2,26 (0,1,.. if not given)")
        ->delimiter(',');
    command.add_option("--first-layer", flags->first_layer,
                       "npy: the first layer's number, the others following");
    add_size_option(command, "--steps-of", flags->steps_of, 0,
                    "Tokens of a step, the last keeping what is left; 0 = one step");
    command.add_option("--model", flags->model, "Name of the model, kept as text");
    command.add_option("--source", flags->source,
                       "Where the recording comes from, kept as text (the files' names if not "
                       "given)");
    command.callback([flags, &action] { action = [flags] { return import(*flags); }; });
}

}  // namespace epsim
