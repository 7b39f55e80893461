// Megatron-LM, tokens-per-expert logging (github.com/NVIDIA/Megatron-LM,
// megatron/training/activation_logging.py, save_tpe): tokens_per_expert/rank{R}.jsonl, a line
// {iter, block, layer, tpe [microbatches][local experts]}: rows that arrived at the rank's experts.
// Rank r holds the experts of its place r mod EP among num_experts / local experts ranks. Blocks
// other than the decoder are left out.

#include <fmt/format.h>

#include "trace/formats/count_pieces.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

/// Experts that a rank holds, of the first line of a file.
int64_t local_experts(std::filesystem::path const& path) {
    int64_t experts = 0;
    for_each_json_line(path, [&](Json const& record, int64_t) {
        for (auto const& batch : member(record, "tpe", path))
            if (experts == 0) experts = std::ssize(batch);
    });
    return experts;
}

}  // namespace

std::string is_megatron_tokens_per_expert(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("tpe") || !file.has("iter"))
        return {};
    return "lines of JSON with iter, layer and tpe";
}

Recording read_megatron_tokens_per_expert(ImportRequest const& request) {
    auto const& files = request.files;
    auto const local = local_experts(files[0]);
    if (local < 1 || local > most_experts) refuse_import(files[0], "it counts no experts");
    auto const all = request.num_experts.value_or(
        static_cast<int>(std::min<int64_t>(local * std::ssize(files), most_experts + 1)));
    if (all % local != 0)
        refuse_import(files[0], fmt::format("its {} experts a rank do not divide {}", local, all));
    auto known = request;
    known.num_experts = all;
    CountPieces pieces(required_experts(known, "megatron-tokens-per-expert"));
    for (auto const& path : files) {
        auto const rank = number_in_name(path);
        if (rank < 0) refuse_import(path, "its name lacks the rank", "Name it rank<r>.jsonl");
        for_each_json_line(path, [&](Json const& record, int64_t line) {
            if (record.contains("block") && record["block"] != "decoder") return;
            for (auto const& batch : member(record, "tpe", path)) {
                auto const counts = integers_of(batch, path);
                if (std::ssize(counts) != local)
                    refuse_import(path, fmt::format("line {} counts {} experts, not {}", line,
                                                    counts.size(), local));
                pieces.add(integer_of(member(record, "iter", path), path), 0,
                           integer_of(member(record, "layer", path), path), counts,
                           rank % (all / local) * local);
            }
        });
    }
    return pieces.join(request.top_k);
}

}  // namespace epsim
