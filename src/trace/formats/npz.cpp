// .npz of NumPy (numpy.savez): the datasets of a trace file under their names (README, "Trace
// file"), so that nothing is lost. scripts/trace_from_parquet.py writes such files too.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/zip_archive.hpp"
#include "trace/limits.hpp"
#include "trace/npy_array.hpp"
#include "trace/stored_routing.hpp"

namespace epsim {
namespace {

class Npz {
public:
    explicit Npz(std::filesystem::path const& path) : archive_(path) {}

    bool has(std::string const& name) const { return archive_.has(name + ".npy"); }
    TypedArray array(std::string const& name) const {
        auto const bytes = archive_.read(name + ".npy");
        return parse_npy(*bytes, archive_.path() + ", " + name, bytes);
    }
    std::vector<int64_t> integers(std::string const& name) const {
        auto const a = array(name);
        if (a.kind() != TypedArray::Kind::integer || a.shape().size() > 1)
            refuse_import(archive_.path(), fmt::format("its {} is no row of integers", name));
        return a.integers(0, a.size());
    }
    /// \return nothing if the file has no such array
    std::optional<int64_t> number(std::string const& name) const {
        if (!has(name)) return {};
        auto const value = integers(name);
        if (value.size() != 1)
            refuse_import(archive_.path(), fmt::format("its {} is not one number", name));
        return value[0];
    }
    std::string text(std::string const& name) const {
        std::string text;
        if (has(name))
            for (auto const c : integers(name)) text += static_cast<char>(c);
        return text;
    }
    std::vector<int32_t> narrow_integers(std::string const& name) const {
        std::vector<int32_t> result;
        for (auto const v : integers(name)) {
            if (v != static_cast<int32_t>(v))
                refuse_import(archive_.path(), fmt::format("its {} holds {}", name, v));
            result.push_back(static_cast<int32_t>(v));
        }
        return result;
    }
    /// Offsets [n + 1] from 0 to `end`.
    std::vector<int64_t> offsets(std::string const& name, int64_t end) const {
        auto offset = integers(name);
        if (offset.empty() || offset.front() != 0 || offset.back() != end ||
            !std::ranges::is_sorted(offset))
            refuse_import(archive_.path(),
                          fmt::format("its {} does not rise from 0 to the {} tokens", name, end));
        return offset;
    }
    std::string const& path() const { return archive_.path(); }

private:
    ZipArchive archive_;
};

constexpr std::array columns{std::pair{TokenColumn::source_rank, "source_rank"},
                             std::pair{TokenColumn::token_id, "token_id"},
                             std::pair{TokenColumn::position, "position"},
                             std::pair{TokenColumn::is_decode, "is_decode"}};

std::vector<RoutingBatch> batches(Npz const& file, TypedArray const& ids, TraceInfo& info) {
    auto const layers = ids.shape()[0], entries = ids.shape()[1] * info.top_k;
    std::optional<TypedArray> weights;
    if (file.has("topk_weights")) weights.emplace(file.array("topk_weights"));
    if (weights && weights->shape() != ids.shape())
        refuse_import(file.path(), "its topk_ids and topk_weights have different shapes");
    info.has_weights = weights.has_value();
    std::vector<RoutingBatch> result;
    for (int64_t l = 0; l < layers; ++l) {
        auto& batch = result.emplace_back(RoutingBatch{info.top_k, {}, {}});
        for (auto const id : ids.integers(l * entries, entries))
            batch.expert.push_back(
                ExpertId{static_cast<int32_t>(std::clamp<int64_t>(id, INT32_MIN, INT32_MAX))});
        if (weights)
            for (auto const w : weights->reals(l * entries, entries))
                batch.weight.push_back(static_cast<float>(w));
    }
    return result;
}

}  // namespace

std::string is_npz(FileContent const& file) {
    if (file.container != FileContent::Container::zip || !file.has("topk_ids.npy")) return {};
    return "a .npz with topk_ids";
}

Recording read_npz(ImportRequest const& request) {
    if (request.files.size() != 1) refuse_import(request.files[1], "one .npz is one trace");
    Npz const file(request.files[0]);
    auto const ids = file.array("topk_ids");
    if (ids.kind() != TypedArray::Kind::integer || ids.shape().size() != 3 || ids.shape()[0] < 1 ||
        ids.shape()[2] < 1 || ids.shape()[2] > most_experts)
        refuse_import(file.path(), fmt::format("its topk_ids are {}, not integers [layers, tokens, "
                                               "top_k]",
                                               shape_text(ids.shape())));
    auto numbered = request;
    if (auto const experts = file.number("num_experts"); experts && !request.num_experts)
        numbered.num_experts = static_cast<int>(std::clamp<int64_t>(*experts, 0, most_experts + 1));
    auto info = recorded_info(numbered, "npz");
    info.top_k = static_cast<int>(ids.shape()[2]);
    if (file.has("layer") && numbered.layers.empty() && !numbered.first_layer)
        numbered.layers = file.narrow_integers("layer");
    info.layer = layer_numbers(numbered, ids.shape()[0]);
    auto const tokens = ids.shape()[1];
    info.step_offset = file.has("step_offset") ? file.offsets("step_offset", tokens)
                                               : std::vector<int64_t>{0, tokens};
    if (file.has("sequence_offset")) info.sequence_offset = file.offsets("sequence_offset", tokens);
    info.source_count = static_cast<int>(
        std::clamp<int64_t>(file.number("source_count").value_or(1), 1, most_sources));
    if (auto const origin = file.text("origin"); !origin.empty()) info.origin = origin;
    if (info.model.empty()) info.model = file.text("model");

    std::map<TokenColumn, std::vector<int32_t>> values;
    for (auto const& [which, name] : columns)
        if (file.has(name)) {
            values[which] = file.narrow_integers(name);
            if (static_cast<int64_t>(values[which].size()) != tokens)
                refuse_import(file.path(),
                              fmt::format("its {} are not {}, one a token", name, tokens));
        }
    auto routed = batches(file, ids, info);
    return std::make_unique<StoredRouting>(std::move(info), std::move(routed), std::move(values));
}

}  // namespace epsim
