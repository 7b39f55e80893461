// Megatron-Core, --moe-routing-trace-path (github.com/NVIDIA/Megatron-LM,
// megatron/core/transformer/moe/router_trace.py): router_trace_rank{R}.jsonl, a line {step, layer,
// rank, num_tokens, topk, top_indices [num_tokens][topk], block, ..} for each router's call. Calls
// of one step and layer follow each other (microbatches). Routers of other blocks than the decoder
// (multi-token prediction) have layer numbers of their own and are left out.

#include <fmt/format.h>

#include <algorithm>

#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/routing_pieces.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

RoutingBatch piece_of(Json const& record, std::filesystem::path const& path, int64_t line) {
    auto const tokens = integer_of(member(record, "num_tokens", path), path);
    auto const& rows = member(record, "top_indices", path);
    auto const topk = record.contains("topk") && !record["topk"].is_null()
                          ? integer_of(record["topk"], path)
                          : (rows.is_array() && !rows.empty() ? std::ssize(rows[0]) : 1);
    if (!rows.is_array() || std::ssize(rows) != tokens || topk < 1 || topk > most_experts)
        refuse_import(path, fmt::format("line {} has not top_indices [num_tokens][topk]", line));
    RoutingBatch piece{static_cast<int>(topk), {}, {}};
    for (auto const& row : rows) {
        auto const ids = integers_of(row, path);
        if (std::ssize(ids) != topk)
            refuse_import(path, fmt::format("line {} has a token with {} experts, not {}", line,
                                            ids.size(), topk));
        for (auto const id : ids)
            piece.expert.push_back(
                ExpertId{static_cast<int32_t>(std::clamp<int64_t>(id, INT32_MIN, INT32_MAX))});
    }
    return piece;
}

}  // namespace

std::string is_megatron_router_trace(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("top_indices") ||
        !file.has("layer"))
        return {};
    return "lines of JSON with step, layer, rank and top_indices";
}

Recording read_megatron_router_trace(ImportRequest const& request) {
    RoutingPieces pieces;
    int top_k = request.top_k.value_or(0);
    for (auto const& path : request.files)
        for_each_json_line(path, [&](Json const& record, int64_t line) {
            if (record.contains("block") && record["block"] != "decoder") return;
            auto piece = piece_of(record, path, line);
            if (!request.top_k) top_k = std::max(top_k, piece.top_k);
            pieces.add(integer_of(member(record, "step", path), path),
                       integer_of(member(record, "rank", path), path),
                       integer_of(member(record, "layer", path), path), std::move(piece));
        });
    return pieces.join(recorded_info(request, "megatron-router-trace"), top_k);
}

}  // namespace epsim
