// See megatron_router_trace.cpp and megatron_tokens_per_expert.cpp.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.hpp"
#include "trace/formats/export.hpp"
#include "trace/formats/export_pieces.hpp"

namespace epsim {

void write_megatron_router_trace(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    auto const path = [&](int rank) {
        return request.output / fmt::format("router_trace_rank{}.jsonl", rank);
    };
    std::vector<std::ofstream> files;
    for (int r = 0; r < info.source_count; ++r) files.push_back(create_file(path(r)));
    for_each_step_layer(source, [&](StepId step, LayerId layer) {
        auto const sources = ids_by_source(source, step, layer);
        for (std::size_t r = 0; r < sources.size(); ++r) {
            auto const k = static_cast<std::size_t>(info.top_k);
            std::vector<std::span<int32_t const>> rows;
            for (std::size_t i = 0; i < sources[r].size(); i += k)
                rows.push_back(std::span(sources[r]).subspan(i, k));
            files[r] << fmt::format(
                R"({{"step": {}, "block": "decoder", "layer": {}, "rank": {}, "num_tokens": {}, )"
                R"("topk": {}, "top_indices": [{}]}})"
                "\n",
                index(step), info.layer[static_cast<std::size_t>(index(layer))], r, rows.size(), k,
                fmt::join(rows, ", "));
        }
    });
    for (int r = 0; r < info.source_count; ++r)
        finish_file(files[static_cast<std::size_t>(r)], path(r));
}

void write_megatron_tokens_per_expert(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    if (request.ranks < 1 || info.num_experts % request.ranks != 0)
        throw InputError(
            fmt::format("--ranks {} does not divide the {} experts (each rank holds as "
                        "many). Correct it",
                        request.ranks, info.num_experts));
    auto const local = static_cast<std::size_t>(info.num_experts / request.ranks);
    auto const path = [&](int rank) { return request.output / fmt::format("rank{}.jsonl", rank); };
    std::vector<std::ofstream> files;
    for (int r = 0; r < request.ranks; ++r) files.push_back(create_file(path(r)));
    for_each_step_layer(source, [&](StepId step, LayerId layer) {
        std::vector<int64_t> counts(static_cast<std::size_t>(info.num_experts));
        for (auto const& ids : ids_by_source(source, step, layer)) {
            auto const more = count_ids(ids, info.num_experts);
            for (std::size_t e = 0; e < counts.size(); ++e) counts[e] += more[e];
        }
        for (std::size_t r = 0; r < files.size(); ++r)
            files[r] << fmt::format(
                R"({{"iter": {}, "block": "decoder", "layer": {}, "tpe": [{}]}})"
                "\n",
                index(step), info.layer[static_cast<std::size_t>(index(layer))],
                std::span(counts).subspan(r * local, local));
    });
    for (int r = 0; r < request.ranks; ++r)
        finish_file(files[static_cast<std::size_t>(r)], path(r));
}

}  // namespace epsim
