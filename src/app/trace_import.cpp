#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "app/trace_command.hpp"
#include "core/build_info.hpp"
#include "core/text.hpp"
#include "gate/gated_source.hpp"
#include "trace/formats/formats.hpp"
#include "trace/restepped.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

struct ImportFlags {
    std::string format, output, gate = "softmax";
    std::vector<fs::path> paths;
    ImportRequest request;
    bool renormalise = false;
    int64_t tokens = 0, steps_of = 0;
    uint64_t seed = 1;
    std::vector<std::string> given;  // options that not every format takes
};

/// What an option says must be used, or its giver believes what is not so.
void require_taken(ImportFlags const& flags, Format const& format) {
    auto const taken = split(format.options, ' ');
    for (auto const& option : flags.given)
        if (std::ranges::find(taken, option) == taken.end())
            throw InputError(
                fmt::format("--{} does not apply to --format {} (its files say it, or "
                            "have no such thing). Leave it out",
                            option, format.name));
}

void add_texts(ImportRequest& request, ImportFlags const& flags, Format const& format) {
    auto& text = request.text;
    if (text.source.empty()) {  // names only: paths say nothing elsewhere
        std::vector<std::string> names;
        for (auto const& path : flags.paths)
            names.push_back((fs::absolute(path) / "").parent_path().filename().string());
        text.source = fmt::format("{}", fmt::join(names, " "));
    }
    text.producer =
        fmt::format("epsim {} trace import --format {}", build_info().version, format.name);
}

/// Turns what a file holds into tokens.
struct ToTokens {
    ImportFlags const& flags;
    ImportRequest const& request;
    Format const& format;

    int top_k(std::optional<int> recorded = {}) const {
        auto const k = request.top_k ? request.top_k : recorded;
        if (!k)
            throw InputError(
                fmt::format("--top-k is missing (files of format {} do not say how "
                            "many experts a token has). Give it",
                            format.name));
        return *k;
    }

    std::unique_ptr<RoutingSource const> operator()(
        std::unique_ptr<RoutingSource const>&& source) const {
        return std::move(source);
    }
    std::unique_ptr<RoutingSource const> operator()(RoutingCounts&& counts) const {
        int const k = top_k(counts.top_k);
        if (k < 1) throw InputError(fmt::format("--top-k = {} is below 1. Correct it", k));
        auto text = request.text;
        if (flags.tokens > 0) {
            counts = scaled_counts(counts, flags.tokens, k);
            text.source += fmt::format(", scaled to {} tokens a step", flags.tokens);
        }
        return counted_source(std::move(counts), k, flags.seed, std::move(text));
    }
    std::unique_ptr<RoutingSource const> operator()(RecordedLogits&& logits) const {
        GateOptions options;
        options.gate = enum_from<GateKind>(flags.gate);
        ModelShape shape;
        shape.num_experts = static_cast<int>(logits.logits.at(0).shape()[1]);
        shape.top_k = top_k();
        if (flags.renormalise) shape.gate.renormalise = Renormalise::sum;
        return gated_source(std::move(logits), make_gate_rule(options, shape, flags.seed),
                            request.text);
    }
    std::unique_ptr<RoutingSource const> operator()(SlotMap&&) const {
        throw InputError(fmt::format(
            "{} is a placement (which expert each slot holds), no routing. Give it with "
            "--placement to the routing that was recorded under it, or convert it by epsim "
            "placement import",
            request.files[0].string()));
    }
};

ExitCode import(ImportFlags const& flags) {
    auto const found = recognise(flags.paths, flags.format);
    fmt::print("found {}: {} ({}), {} file{}\n", found.format->name, found.format->system,
               found.evidence, found.files.size(), found.files.size() == 1 ? "" : "s");
    for (auto const& file : found.left_out) fmt::print("left out: {}\n", file.filename().string());
    require_taken(flags, *found.format);
    auto request = flags.request;
    request.files = found.files;
    add_texts(request, flags, *found.format);
    auto source = std::visit(ToTokens{flags, request, *found.format}, found.format->read(request));
    TokenOptions cut;
    cut.per_step = flags.steps_of;
    return write_and_tell(*restep(std::move(source), cut), flags.output);
}

/// An option of some formats, whose use is noted.
template <class T>
void add_noted(CLI::App& command, std::shared_ptr<ImportFlags> const& flags,
               std::string const& name, T ImportRequest::*member, std::string const& help) {
    command.add_option_function<typename T::value_type>(
        "--" + name,
        [flags, name, member](typename T::value_type const& value) {
            flags->request.*member = value;
            flags->given.push_back(name);
        },
        help);
}

void add_gate_options(CLI::App& command, std::shared_ptr<ImportFlags> const& flags) {
    command.add_option_function<std::string>(
        "--gate",
        [flags](std::string const& name) {
            flags->gate = name;
            flags->given.push_back("gate");
        },
        "Of router logits: the gate that chooses (softmax if not given)");
    command.add_flag_function(
        "--renormalise",
        [flags](int64_t) {
            flags->renormalise = true;
            flags->given.push_back("gate");
        },
        "Of router logits: the weights of a token's experts sum to 1");
}

void add_count_options(CLI::App& command, std::shared_ptr<ImportFlags> const& flags) {
    command.add_option_function<std::string>(
        "--tokens",
        [flags](std::string const& text) {
            flags->tokens = parse_size(text);
            if (flags->tokens < 1)
                throw InputError("--tokens is below 1 (a step has tokens). Correct it");
            flags->given.push_back("tokens");
        },
        "Of counts: tokens that a step is scaled to (as many as were counted if not given)");
    command.add_option_function<uint64_t>(
        "--seed",
        [flags](uint64_t seed) {
            flags->seed = seed;
            flags->given.push_back("seed");
        },
        "Of counts: of the tokens made from them (1 if not given)");
}

std::string format_names() {
    std::vector<std::string_view> names;
    for (auto const& format : import_formats()) names.push_back(format.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

void add_trace_import_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<ImportFlags>();
    auto& command = *trace.add_subcommand("import", "Recorded routing from other formats");
    command.add_option("PATHS", flags->paths, "Files of one format, or folders with such files")
        ->required();
    command.add_option(
        "--format", flags->format,
        "What the files are, if that shall not be seen from them: " + format_names());
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    add_noted(command, flags, "num-experts", &ImportRequest::num_experts, "Experts of a layer");
    add_noted(command, flags, "top-k", &ImportRequest::top_k, "Experts of a token");
    add_noted(command, flags, "placement", &ImportRequest::placement,
              "The placement (a file) that physical ids were recorded under");
    add_noted(command, flags, "weights", &ImportRequest::weights,
              "npy: gate weights, of the ids' shape");
    command.add_option_function<std::string>(
        "--weight-scale",
        [flags](std::string const& text) {
            flags->request.weight_scale = parse_ratio(text);
            flags->given.push_back("weight-scale");
        },
        "npy: factor of the weights; integers need one");
    add_noted(command, flags, "seqlen", &ImportRequest::seqlen, "npy: tokens of each sequence");
    command
        .add_option_function<std::vector<int32_t>>(
            "--layers",
            [flags](std::vector<int32_t> const& layers) {
                flags->request.layers = layers;
                flags->given.push_back("layers");
            },
            "The model's layer numbers, as 1,2,26 (0,1,.. if not given)")
        ->delimiter(',');
    add_noted(command, flags, "first-layer", &ImportRequest::first_layer,
              "The first layer's number, the others following");
    add_gate_options(command, flags);
    add_count_options(command, flags);
    add_size_option(command, "--steps-of", flags->steps_of, 0,
                    "Tokens of a step, the last keeping what is left; 0 = as recorded");
    command.add_option("--model", flags->request.text.model, "Name of the model, kept as text");
    command.add_option("--source", flags->request.text.source,
                       "Where the recording comes from, kept as text (the files' names if not "
                       "given)");
    command.callback([flags, &action] { action = [flags] { return import(*flags); }; });
}

}  // namespace epsim
