// TensorRT-LLM, layer-wise benchmarks (github.com/NVIDIA/TensorRT-LLM,
// tensorrt_llm/tools/layer_wise_benchmarks/calibrator.py): JSON {world_size, all_ranks_records:
// [rank][{iteration, metadata: [{layer_idx, num_slots, token_selected_slots_shape [tokens, k]}],
// raw_data: base64 of a zlib stream of int32, layer after layer}]}. Ids are of slots; they are
// experts where there are as many slots as experts.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base64.hpp"
#include "trace/formats/inflate.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/routing_pieces.hpp"
#include "trace/formats/slot_files.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

struct LayerShape {
    int64_t layer, tokens, top_k, slots;
};

class Reader {
public:
    Reader(std::filesystem::path const& path, ImportRequest const& request)
        : path_(path), num_experts_(request.num_experts) {
        if (!request.placement) return;
        placement_ = read_slot_map(*request.placement, request.num_experts);
        num_experts_ = placement_->num_experts;
    }

    void read(int64_t rank, Json const& record) {
        std::vector<LayerShape> layers;
        int64_t entries = 0;
        for (auto const& layer : member(record, "metadata", path_)) {
            layers.push_back(shape_of(layer));
            top_k_ = std::max(top_k_, static_cast<int>(layers.back().top_k));
            entries += layers.back().tokens * layers.back().top_k;
            if (entries > most_tokens) fail("an iteration has absurdly many tokens");
        }
        auto const text = text_of(member(record, "raw_data", path_), path_);
        auto const stream = from_base64(text);
        auto const bytes_needed = static_cast<std::size_t>(entries) * sizeof(int32_t);
        auto const bytes = stream ? inflate_bytes(*stream, bytes_needed) : std::nullopt;
        if (!bytes || bytes->size() != bytes_needed)
            fail(fmt::format("raw_data of iteration {} is not base64 of a zlib stream of {} bytes",
                             integer_of(member(record, "iteration", path_), path_), bytes_needed));
        char const* at = bytes->data();
        for (auto const& layer : layers) {
            RoutingBatch piece{static_cast<int>(layer.top_k), {}, {}};
            for (int64_t i = 0; i < layer.tokens * layer.top_k; ++i, at += sizeof(int32_t)) {
                int32_t slot = 0;
                std::memcpy(&slot, at, sizeof slot);
                piece.expert.push_back(expert_of(layer, slot));
            }
            pieces.add(integer_of(member(record, "iteration", path_), path_), rank, layer.layer,
                       std::move(piece));
        }
    }
    std::optional<int> num_experts() const { return num_experts_; }
    int top_k() const { return top_k_; }

    RoutingPieces pieces;

private:
    [[noreturn]] void fail(std::string const& why) const { refuse_import(path_, why); }

    LayerShape shape_of(Json const& layer) const {
        auto const shape = integers_of(member(layer, "token_selected_slots_shape", path_), path_);
        if (shape.size() != 2 || shape[0] < 0 || shape[0] > most_step_tokens || shape[1] < 1 ||
            shape[1] > most_experts || shape[0] * shape[1] > most_tokens)
            fail("a token_selected_slots_shape is not [tokens, k]");
        return {integer_of(member(layer, "layer_idx", path_), path_), shape[0], shape[1],
                integer_of(member(layer, "num_slots", path_), path_)};
    }

    ExpertId expert_of(LayerShape const& layer, int32_t slot) const {
        if (placement_) return placement_->logical(static_cast<int32_t>(layer.layer), slot);
        if (!num_experts_ || *num_experts_ != layer.slots)
            refuse_import(
                path_,
                fmt::format("its ids are of {} slots; which expert each holds is not said",
                            layer.slots),
                fmt::format("Give the placement with --placement, or, if every expert had one "
                            "slot in order, --num-experts {}",
                            layer.slots));
        return ExpertId{slot};
    }

    std::filesystem::path path_;
    std::optional<int> num_experts_;
    std::optional<SlotMap> placement_;
    int top_k_ = 0;
};

}  // namespace

std::string is_trtllm_calibration(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("all_ranks_records")) return {};
    return "JSON with all_ranks_records";
}

Recording read_trtllm_calibration(ImportRequest const& request) {
    if (request.files.size() != 1)
        refuse_import(request.files[1], "one file holds the records of all ranks");
    auto const& path = request.files[0];
    auto const json = read_json(path);
    auto const& ranks = member(json, "all_ranks_records", path);
    if (integer_of(member(json, "world_size", path), path) != std::ssize(ranks) ||
        !ranks.is_array())
        refuse_import(path, "it has not as many ranks as its world_size says");
    Reader reader(path, request);
    for (std::size_t rank = 0; rank < ranks.size(); ++rank)
        for (auto const& record : ranks[rank]) reader.read(static_cast<int64_t>(rank), record);
    auto known = request;
    known.num_experts = reader.num_experts();
    return reader.pieces.join(recorded_info(known, "trtllm-calibration"),
                              request.top_k.value_or(reader.top_k()));
}

}  // namespace epsim
