#include <fmt/format.h>

#include <memory>

#include "app/trace_command.hpp"
#include "core/error.hpp"
#include "store/sealed_file.hpp"
#include "trace/formats/slot_files.hpp"

namespace epsim {
namespace {

struct PlacementFlags {
    std::string file, format, output;
    std::optional<int> num_experts;
};

ExitCode convert(PlacementFlags const& flags) {
    auto const map = read_slot_map(flags.file, flags.num_experts);
    auto const& slots = map.expert.begin()->second;
    fmt::print("{}: {} experts in {} slots, {} layer{}{}\n", flags.file, map.num_experts,
               slots.size(), map.expert.size(), map.expert.size() == 1 ? "" : "s",
               map.ranks > 0 ? fmt::format(", {} ranks", map.ranks) : "");
    if (flags.output.empty() != flags.format.empty())
        throw InputError("--format and -o go together (what to write, and where). Give both");
    if (flags.output.empty()) return ExitCode::success;
    SealedFile sealed(flags.output);
    if (flags.format == "sglang-placement")
        write_sglang_placement(map, sealed.temporary());
    else if (flags.format == "trtllm-eplb")
        write_trtllm_eplb(map, sealed.temporary());
    else
        throw InputError(
            fmt::format("--format {} is unknown (it says what to write). Use "
                        "sglang-placement or trtllm-eplb",
                        flags.format));
    sealed.seal();
    return ExitCode::success;
}

}  // namespace

void add_trace_placement_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<PlacementFlags>();
    auto& command =
        *trace.add_subcommand("placement", "Placements of serving systems: look into, convert");
    command
        .add_option("FILE", flags->file,
                    "SGLang's --init-expert-location, TensorRT-LLM's EPLB YAML, omni-infer's "
                    ".npy")
        ->required();
    command.add_option("--num-experts", flags->num_experts,
                       "Experts of a layer (the highest + 1 if not given)");
    command.add_option("--format", flags->format, "sglang-placement or trtllm-eplb");
    command.add_option("-o,--output", flags->output, "The file to write");
    command.callback([flags, &action] { action = [flags] { return convert(*flags); }; });
}

}  // namespace epsim
