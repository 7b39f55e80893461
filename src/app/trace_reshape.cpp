#include <fmt/format.h>

#include <memory>

#include "app/trace_command.hpp"
#include "core/text.hpp"
#include "model/layer_choice.hpp"
#include "store/trace_file.hpp"
#include "trace/merged.hpp"
#include "trace/rescaled.hpp"
#include "trace/sliced.hpp"

namespace epsim {
namespace {

struct SliceFlags {
    std::string file, output, steps, sequences, tokens, layers = "all";
};

/// "2:5", "2:", ":5" of n things; all of them if empty.
TokenRange parse_range(std::string const& flag, std::string const& text, int64_t n) {
    if (text.empty()) return {0, n};
    auto const colon = text.find(':');
    TokenRange range{0, n};
    try {
        if (colon == std::string::npos) throw InputError("");
        if (colon > 0) range.begin = parse_size(text.substr(0, colon));
        if (colon + 1 < text.size()) range.end = parse_size(text.substr(colon + 1));
    } catch (InputError const&) {
        throw InputError(
            fmt::format("{} {} is no range (it is FIRST:END, the end excluded). "
                        "Correct it",
                        flag, text));
    }
    if (range.begin < 0 || range.begin >= range.end || range.end > n)
        throw InputError(
            fmt::format("{} {} are not there (the trace has {}). Correct it", flag, text, n));
    return range;
}

/// The tokens of things that begin at these offsets.
TokenRange tokens_of(std::vector<int64_t> const& offset, TokenRange things) {
    return {offset[static_cast<std::size_t>(things.begin)],
            offset[static_cast<std::size_t>(things.end)]};
}

TokenRange chosen_tokens(SliceFlags const& flags, TraceInfo const& info) {
    if (!flags.steps.empty() + !flags.sequences.empty() + !flags.tokens.empty() > 1)
        throw InputError(
            "more than one of --steps, --sequences and --tokens is given (each says which tokens "
            "to keep). Leave the others out");
    if (!flags.sequences.empty()) {
        if (info.sequence_offset.empty())
            throw InputError(flags.file +
                             " has no sequences (they were not recorded). Use --steps or --tokens");
        auto const n = static_cast<int64_t>(info.sequence_offset.size()) - 1;
        return tokens_of(info.sequence_offset, parse_range("--sequences", flags.sequences, n));
    }
    if (!flags.tokens.empty()) return parse_range("--tokens", flags.tokens, info.tokens());
    return tokens_of(info.step_offset, parse_range("--steps", flags.steps, info.steps()));
}

ExitCode slice(SliceFlags const& flags) {
    auto file = std::make_unique<TraceFile>(flags.file);
    auto const tokens = chosen_tokens(flags, file->info());
    auto layers = LayerChoice::from(flags.layers).pick(file->info().layer);
    return write_and_tell(Sliced(std::move(file), tokens, std::move(layers)), flags.output);
}

struct MergeFlags {
    std::vector<std::string> files;
    std::string output;
};

ExitCode merge(MergeFlags const& flags) {
    std::vector<std::unique_ptr<RoutingSource const>> parts;
    for (auto const& file : flags.files) parts.push_back(std::make_unique<TraceFile>(file));
    return write_and_tell(Merged(std::move(parts)), flags.output);
}

struct RescaleFlags {
    std::string file, output;
    Rescaling to;
};

ExitCode rescale(RescaleFlags const& flags) {
    if (flags.to.tokens_per_step == 0 && flags.to.experts == 0 && flags.to.sources == 0)
        throw InputError(
            "nothing is to be rescaled (none of --tokens, --experts, --sources). Give one");
    return write_and_tell(Rescaled(std::make_unique<TraceFile>(flags.file), flags.to),
                          flags.output);
}

}  // namespace

void add_trace_slice_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<SliceFlags>();
    auto& command = *trace.add_subcommand("slice", "Some tokens and layers of a trace");
    command.add_option("FILE", flags->file, "A trace file")->required();
    command.add_option("--steps", flags->steps, "FIRST:END, the end excluded");
    command.add_option("--sequences", flags->sequences, "FIRST:END");
    command.add_option("--tokens", flags->tokens, "FIRST:END");
    command
        .add_option("--layers", flags->layers,
                    "all, the first n, or a list of layer numbers as [1,2,26]")
        ->capture_default_str();
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    command.callback([flags, &action] { action = [flags] { return slice(*flags); }; });
}

void add_trace_merge_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<MergeFlags>();
    auto& command = *trace.add_subcommand("merge", "Traces one after the other, step after step");
    command.add_option("FILES", flags->files, "Trace files of the same layers")->required();
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    command.callback([flags, &action] { action = [flags] { return merge(*flags); }; });
}

void add_trace_rescale_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<RescaleFlags>();
    auto& command = *trace.add_subcommand(
        "rescale", "Other numbers of tokens, experts or sources with the same statistics");
    command.add_option("FILE", flags->file, "A trace file")->required();
    add_size_option(command, "--tokens", flags->to.tokens_per_step, 0,
                    "Tokens of each step; 0 = as they are");
    command.add_option("--experts", flags->to.experts, "Experts of a layer; 0 = as they are")
        ->capture_default_str();
    command.add_option("--sources", flags->to.sources, "Sources; 0 = as they are")
        ->capture_default_str();
    command.add_option("--seed", flags->to.seed, "Seed")->capture_default_str();
    command.add_option("-o,--output", flags->output, "The trace file to write")->required();
    command.callback([flags, &action] { action = [flags] { return rescale(*flags); }; });
}

}  // namespace epsim
