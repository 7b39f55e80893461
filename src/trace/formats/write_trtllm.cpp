// See trtllm_statistics.cpp and trtllm_calibration.cpp. Every expert has one slot, in order.

#include <fmt/format.h>

#include "core/base64.hpp"
#include "trace/formats/export.hpp"
#include "trace/formats/export_pieces.hpp"
#include "trace/formats/inflate.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/safetensors.hpp"

namespace epsim {
namespace {

using Tensors = std::map<std::string, IntegerTensor>;

/// What `make` makes of the ids of each source, named iteration_layer, a file a source.
template <class Make>
void write_ranks(RoutingSource const& source, ExportRequest const& request, char const* ending,
                 Make&& make) {
    auto const& info = source.info();
    std::vector<Tensors> ranks(static_cast<std::size_t>(info.source_count));
    for_each_step_layer(source, [&](StepId step, LayerId layer) {
        auto const sources = ids_by_source(source, step, layer);
        auto const key =
            fmt::format("{}_{}", index(step), info.layer[static_cast<std::size_t>(index(layer))]);
        for (std::size_t r = 0; r < sources.size(); ++r) ranks[r][key] = make(sources[r]);
    });
    for (std::size_t r = 0; r < ranks.size(); ++r)
        write_safetensors(request.output / fmt::format("rank{}{}.safetensors", r, ending),
                          ranks[r]);
    auto const meta = request.output / "meta_info.json";
    auto file = create_file(meta);
    file << Json{{"num_experts", info.num_experts}, {"num_experts_per_token", info.top_k}}.dump();
    finish_file(file, meta);
}

}  // namespace

void write_trtllm_tokens(RoutingSource const& source, ExportRequest const& request) {
    int64_t const k = source.info().top_k;
    write_ranks(source, request, "_raw", [&](std::vector<int32_t> const& ids) {
        return IntegerTensor{{std::ssize(ids) / k, k}, {ids.begin(), ids.end()}};
    });
}

void write_trtllm_statistics(RoutingSource const& source, ExportRequest const& request) {
    auto const experts = source.info().num_experts;
    write_ranks(source, request, "", [&](std::vector<int32_t> const& ids) {
        return IntegerTensor{{experts}, count_ids(ids, experts)};
    });
}

void write_trtllm_calibration(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    std::vector<Json> ranks(static_cast<std::size_t>(info.source_count), Json::array());
    for (int32_t s = 0; s < info.steps(); ++s) {
        std::vector<std::string> data(ranks.size());
        std::vector<Json> metadata(ranks.size(), Json::array());
        for (std::size_t l = 0; l < info.layer.size(); ++l) {
            auto const sources = ids_by_source(source, StepId{s}, LayerId{static_cast<int32_t>(l)});
            for (std::size_t r = 0; r < ranks.size(); ++r) {
                auto const& ids = sources[r];
                data[r].append(reinterpret_cast<char const*>(ids.data()),
                               ids.size() * sizeof(int32_t));
                metadata[r].push_back(
                    {{"layer_idx", info.layer[l]},
                     {"num_slots", info.num_experts},
                     {"token_selected_slots_shape", {std::ssize(ids) / info.top_k, info.top_k}}});
            }
        }
        for (std::size_t r = 0; r < ranks.size(); ++r)
            ranks[r].push_back({{"iteration", s},
                                {"metadata", std::move(metadata[r])},
                                {"raw_data", to_base64(deflate_bytes(data[r]))}});
    }
    auto file = create_file(request.output);
    file << Json{{"world_size", info.source_count}, {"all_ranks_records", ranks}}.dump();
    finish_file(file, request.output);
}

}  // namespace epsim
