// SGLang, --expert-distribution-recorder-mode per_token (github.com/sgl-project/sglang,
// python/sglang/srt/eplb/expert_distribution.py, _DetailAccumulator): torch.save of {records:
// [{forward_pass_id, rank, input_ids, positions, extend_seq_lens, forward_mode, topk_ids_of_layer
// int32 [layers, tokens, 8], ..}], last_physical_to_logical_map [layers, slots]}, a file a rank.
// Ids are of slots; places beyond a model's top-k are -1, dense layers all -1. A record is a step.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/routing_pieces.hpp"
#include "trace/formats/slot_files.hpp"
#include "trace/formats/torch_file.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

constexpr int64_t decode_mode = 2;  // ForwardMode.DECODE

using Columns = std::array<std::pair<TokenColumn, char const*>, 2>;
constexpr Columns columns{
    {{TokenColumn::token_id, "input_ids"}, {TokenColumn::position, "positions"}}};

/// The placement that the file holds, as long as it is not a list of nothing.
std::optional<SlotMap> own_placement(TorchFile const& file, ImportRequest const& request) {
    auto const* const map = file.tree().find(file.root(), "last_physical_to_logical_map");
    if (!map || map->kind != PickleValue::Kind::tensor) return {};
    auto const array = file.tensor(*map, "last_physical_to_logical_map");
    return slot_map_of(array, request.num_experts.value_or(0), file.path());
}

SlotMap placement_of(TorchFile const& file, ImportRequest const& request) {
    if (request.placement) return read_slot_map(*request.placement, request.num_experts);
    if (auto own = own_placement(file, request)) return *own;
    refuse_import(file.path(), "its ids are of slots, and it holds no last_physical_to_logical_map",
                  "Give the placement with --placement");
}

class Reader {
public:
    Reader(TorchFile const& file, SlotMap const& placement, RoutingPieces& pieces)
        : file_(file), placement_(placement), pieces_(pieces) {}

    void read(PickleValue const& record) const {
        auto const step = number(record, "forward_pass_id");
        auto const rank = number(record, "rank");
        auto const ids =
            file_.tensor(file_.require(record, "topk_ids_of_layer"), "topk_ids_of_layer");
        if (ids.kind() != TypedArray::Kind::integer || ids.shape().size() != 3 ||
            ids.shape()[2] < 1 || ids.shape()[2] > most_experts)
            refuse_import(file_.path(), fmt::format("its topk_ids_of_layer are {}, not integers "
                                                    "[layers, tokens, places]",
                                                    shape_text(ids.shape())));
        auto const tokens = ids.shape()[1], places = ids.shape()[2];
        for (int64_t l = 0; l < ids.shape()[0]; ++l)
            read_layer(step, rank, l, ids.integers(l * tokens * places, tokens * places),
                       static_cast<int>(places));
        for (auto const& [which, key] : columns) {
            std::vector<int32_t> values;
            for (auto const v : file_.integers(file_.require(record, key), key))
                values.push_back(static_cast<int32_t>(std::clamp<int64_t>(v, -1, INT32_MAX)));
            pieces_.add_column(which, step, rank, values);
        }
        auto const mode = number(record, "forward_mode");
        pieces_.add_column(
            TokenColumn::is_decode, step, rank,
            std::vector<int32_t>(static_cast<std::size_t>(tokens), mode == decode_mode));
    }

private:
    int64_t number(PickleValue const& record, char const* key) const {
        auto const& value = file_.require(record, key);
        if (value.kind != PickleValue::Kind::integer)
            refuse_import(file_.path(), fmt::format("its {} is no number", key));
        return value.integer;
    }

    void read_layer(int64_t step, int64_t rank, int64_t layer, std::vector<int64_t> const& ids,
                    int places) const {
        bool const dense = std::ranges::all_of(ids, [](int64_t id) { return id == -1; });
        if (dense) return;
        RoutingBatch piece{places, {}, {}};
        for (auto const id : ids)
            piece.expert.push_back(placement_.logical(static_cast<int32_t>(layer), id));
        pieces_.add(step, rank, layer, std::move(piece));
    }

    TorchFile const& file_;
    SlotMap const& placement_;
    RoutingPieces& pieces_;
};

}  // namespace

std::string is_sglang_per_token(FileContent const& file) {
    if (file.container != FileContent::Container::torch || !file.has("records")) return {};
    return "a torch file with records and last_physical_to_logical_map";
}

Recording read_sglang_per_token(ImportRequest const& request) {
    RoutingPieces pieces;
    auto experts = request;
    for (auto const& path : request.files) {
        TorchFile const file(path);
        auto const placement = placement_of(file, request);
        if (experts.num_experts && *experts.num_experts != placement.num_experts)
            refuse_import(path, fmt::format("its placement has {} experts, not {}",
                                            placement.num_experts, *experts.num_experts));
        experts.num_experts = placement.num_experts;
        Reader const reader(file, placement, pieces);
        for (auto const i : file.require(file.root(), "records").items)
            reader.read(file.tree().at(i));
    }
    return pieces.join(recorded_info(experts, "sglang-per-token"), request.top_k.value_or(0));
}

}  // namespace epsim
