// TensorRT-LLM, EXPERT_STATISTIC_ITER_RANGE (github.com/NVIDIA/TensorRT-LLM,
// tensorrt_llm/_torch/expert_statistic.py): a folder with meta_info.json {num_experts,
// num_experts_per_token}; rank{r}.safetensors, "{iter}_{layer}" -> counts [E] of what the rank's
// tokens chose; and rank{r}_raw.safetensors, "{iter}_{layer}" -> chosen experts [tokens, k]. With a
// load balancer the ids are of slots.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "trace/formats/count_pieces.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/routing_pieces.hpp"
#include "trace/formats/safetensors.hpp"
#include "trace/formats/slot_files.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

struct Key {
    int64_t iteration = -1, layer = -1;
};

/// "12_3"
std::optional<Key> parse_key(std::string_view name) {
    Key key;
    auto const* const end = name.data() + name.size();
    auto const [middle, error] = std::from_chars(name.data(), end, key.iteration);
    if (error != std::errc{} || middle == end || *middle != '_') return {};
    auto const [stop, layer_error] = std::from_chars(middle + 1, end, key.layer);
    if (layer_error != std::errc{} || stop != end || key.iteration < 0 || key.layer < 0) return {};
    return key;
}

Key key_of(std::string const& name, std::filesystem::path const& path) {
    auto const key = parse_key(name);
    if (!key) refuse_import(path, fmt::format("its tensor {} is not named iteration_layer", name));
    return *key;
}

std::string evidence(FileContent const& file, std::size_t dimensions, char const* what) {
    if (file.container != FileContent::Container::safetensors || file.names.empty()) return {};
    for (auto const& [name, shape] : file.shape)
        if (!parse_key(name) || shape.size() != dimensions) return {};
    return fmt::format("safetensors of {}, named iteration_layer", what);
}

/// What meta_info.json beside the files says.
ImportRequest with_meta_info(ImportRequest request) {
    auto const meta = request.files[0].parent_path() / "meta_info.json";
    if (!std::filesystem::exists(meta)) return request;
    auto const json = read_json(meta);
    auto const number = [&](char const* key) {
        auto const n = integer_of(member(json, key, meta), meta);
        return static_cast<int>(std::clamp<int64_t>(n, 0, most_experts + 1));
    };
    if (!request.num_experts) request.num_experts = number("num_experts");
    if (!request.top_k) request.top_k = number("num_experts_per_token");
    return request;
}

int64_t rank_of(std::filesystem::path const& path) {
    auto const rank = number_in_name(path);
    if (rank < 0) refuse_import(path, "its name lacks the rank", "Name it rank<r>.safetensors");
    return rank;
}

}  // namespace

std::string is_trtllm_statistics(FileContent const& file) {
    return evidence(file, 1, "counts");
}

std::string is_trtllm_tokens(FileContent const& file) {
    return evidence(file, 2, "chosen experts [tokens, k]");
}

Recording read_trtllm_statistics(ImportRequest const& given) {
    auto const request = with_meta_info(given);
    auto const slots = required_experts(request, "trtllm-statistics");
    std::optional<SlotMap> placement;
    if (request.placement) placement = read_slot_map(*request.placement, {});
    CountPieces pieces(placement ? placement->num_experts : slots);
    for (auto const& path : request.files)
        for (auto const& [name, counts] : read_safetensors(path)) {
            auto const key = key_of(name, path);
            if (counts.kind() != TypedArray::Kind::integer || counts.shape().size() != 1 ||
                counts.size() != slots)
                refuse_import(path, fmt::format("its tensor {} is {}, not {} counts", name,
                                                shape_text(counts.shape()), slots));
            auto const values = counts.integers(0, counts.size());
            if (!placement) {
                pieces.add(key.iteration, rank_of(path), key.layer, values);
                continue;
            }
            for (std::size_t slot = 0; slot < values.size(); ++slot)
                if (auto const e = placement->logical(static_cast<int32_t>(key.layer),
                                                      static_cast<int64_t>(slot));
                    e != no_expert)
                    pieces.add(key.iteration, rank_of(path), key.layer, {&values[slot], 1},
                               index(e));
        }
    return pieces.join(request.top_k);
}

Recording read_trtllm_tokens(ImportRequest const& given) {
    auto request = with_meta_info(given);
    std::optional<SlotMap> placement;
    if (request.placement) {
        placement = read_slot_map(*request.placement, {});
        request.num_experts = placement->num_experts;
    }
    RoutingPieces pieces;
    for (auto const& path : request.files)
        for (auto const& [name, ids] : read_safetensors(path)) {
            auto const key = key_of(name, path);
            if (ids.kind() != TypedArray::Kind::integer || ids.shape().size() != 2 ||
                ids.shape()[1] < 1 || ids.shape()[1] > most_experts)
                refuse_import(path, fmt::format("its tensor {} is {}, not ids [tokens, k]", name,
                                                shape_text(ids.shape())));
            RoutingBatch piece{static_cast<int>(ids.shape()[1]), {}, {}};
            for (auto const id : ids.integers(0, ids.size()))
                piece.expert.push_back(placement
                                           ? placement->logical(static_cast<int32_t>(key.layer), id)
                                           : ExpertId{static_cast<int32_t>(
                                                 std::clamp<int64_t>(id, INT32_MIN, INT32_MAX))});
            pieces.add(key.iteration, rank_of(path), key.layer, std::move(piece));
        }
    return pieces.join(recorded_info(request, "trtllm-tokens"), request.top_k.value_or(0));
}

}  // namespace epsim
