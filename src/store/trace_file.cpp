#include "store/trace_file.hpp"

#include <algorithm>

#include "core/cast.hpp"
#include "store/attribute.hpp"
#include "store/dataset.hpp"
#include "store/trace_schema.hpp"

namespace epsim {
namespace {

constexpr int32_t most_experts = 1 << 20;  // an expert is an array of counters in many places

std::string optional_text(hid_t file, std::string const& name) {
    return hdf5::has_attribute(file, name) ? hdf5::text_attribute(file, name) : "";
}

hdf5::Dataset open_vector(hid_t file, std::string const& name) {
    hdf5::Dataset dataset(file, name, 1);
    if (dataset.extents().size() != 1)
        throw FileError(
            fmt::format("/{} has {} dimensions, not 1", name, dataset.extents().size()));
    return dataset;
}

/// Offsets [n + 1]: from 0 to `end`, never falling.
void require_offsets(std::vector<int64_t> const& offset, int64_t end, char const* name) {
    if (offset.empty() || offset.front() != 0 || offset.back() != end)
        throw FileError(
            fmt::format("/{} does not go from 0 to the {} tokens of /topk_ids", name, end));
    if (!std::ranges::is_sorted(offset)) throw FileError(fmt::format("/{} falls somewhere", name));
}

void require_layers(std::vector<int32_t> layers) {
    if (layers.empty()) throw FileError("/layer is empty");
    std::ranges::sort(layers);
    if (layers.front() < 0) throw FileError(fmt::format("/layer has layer {}", layers.front()));
    if (auto const twice = std::ranges::adjacent_find(layers); twice != layers.end())
        throw FileError(fmt::format("/layer has layer {} twice", *twice));
}

}  // namespace

struct TraceFile::File {
    std::filesystem::path path;
    hdf5::Hid file;
    TraceInfo info;
    std::string sha256;
    hdf5::Dataset ids, weights;
    std::array<hdf5::Dataset, token_columns.size()> columns;

    explicit File(std::filesystem::path const& p) : path(p), file(hdf5::open_file(p)) {
        read_attributes();
        read_arrays();
    }

    void read_attributes() {
        hid_t const f = file.get();
        hdf5::require_schema(f, trace_schema, trace_schema_version[0]);
        if (hdf5::text_attribute(f, "kind", {"tokens", "counts"}) == "counts")
            throw FileError("holds counts, not tokens (only kind = tokens can be replayed)");
        if (hdf5::text_attribute(f, "id_space", {"logical", "physical"}) == "physical")
            throw FileError("holds physical ids (only id_space = logical can be replayed)");
        info.origin = hdf5::text_attribute(
            f, "origin", {"recorded", "synthetic", "synthesised-from-counts", "reshaped"});
        info.num_experts = hdf5::integer_attribute(f, "num_experts", 1, most_experts);
        info.top_k = hdf5::integer_attribute(f, "top_k", 1, INT32_MAX);
        if (info.top_k > info.num_experts)
            throw FileError(
                fmt::format("top_k = {} exceeds num_experts = {} (each token needs "
                            "distinct experts)",
                            info.top_k, info.num_experts));
        info.source_count = hdf5::has_attribute(f, "source_count")
                                ? hdf5::integer_attribute(f, "source_count", 1, INT32_MAX)
                                : 1;
        info.producer = optional_text(f, "producer");
        info.source = optional_text(f, "source");
        info.model = optional_text(f, "model");
        sha256 = optional_text(f, "sha256");
    }

    void read_arrays() {
        hid_t const f = file.get();
        info.layer = open_vector(f, "layer").read_all<int32_t>();
        require_layers(info.layer);
        // A step's tokens are read layer after layer, and the next step lies in the same chunks.
        ids = hdf5::Dataset(f, "topk_ids", info.layer.size());
        ids.require_values_of<int32_t>();
        hsize_t const tokens = ids.extents().size() == 3 ? ids.extents()[1] : 0;
        hdf5::Extents const shape{info.layer.size(), tokens, static_cast<hsize_t>(info.top_k)};
        ids.require_extents(shape);
        if (hdf5::has(f, "topk_weights")) {
            weights = hdf5::Dataset(f, "topk_weights", info.layer.size());
            weights.require_extents(shape);
            weights.require_values_of<float>();
            info.has_weights = true;
        }
        for (auto const column : token_columns) open_column(column, tokens);
        auto const end = narrow<int64_t>(tokens);
        info.step_offset = open_vector(f, "step_offset").read_all<int64_t>();
        require_offsets(info.step_offset, end, "step_offset");
        if (info.steps() > INT32_MAX) throw FileError("/step_offset has over 2^31 steps");
        if (!hdf5::has(f, "sequence_offset")) return;
        info.sequence_offset = open_vector(f, "sequence_offset").read_all<int64_t>();
        require_offsets(info.sequence_offset, end, "sequence_offset");
    }

    void open_column(TokenColumn column, hsize_t tokens) {
        if (!hdf5::has(file.get(), name_of(column))) return;
        auto& dataset = columns[static_cast<std::size_t>(column)];
        dataset = open_vector(file.get(), name_of(column));
        dataset.require_extents({tokens});
        dataset.require_values_of<int32_t>();
        info.columns.push_back(column);
    }

    /// \param range counted from the start of the trace
    RoutingBatch read(LayerId layer, TokenRange range) const {
        auto const k = static_cast<hsize_t>(info.top_k);
        hdf5::Extents const start{static_cast<hsize_t>(index(layer)),
                                  static_cast<hsize_t>(range.begin), 0};
        hdf5::Extents const count{1, static_cast<hsize_t>(range.size()), k};
        auto const size = static_cast<std::size_t>(range.size()) * k;
        RoutingBatch batch{info.top_k, std::vector<ExpertId>(size),
                           std::vector<float>(size, 1.0f / static_cast<float>(info.top_k))};
        ids.read_as(H5T_NATIVE_INT32, start, count,
                    std::as_writable_bytes(std::span(batch.expert)));
        int32_t const number = info.layer[static_cast<std::size_t>(index(layer))];
        require_valid_ids(batch, info.num_experts, number, range.begin);
        if (weights) {
            weights.read<float>(start, count, batch.weight);
            require_finite_weights(batch, number, range.begin);
        }
        return batch;
    }

    std::vector<int32_t> column(TokenColumn which, TokenRange range) const {
        auto const& dataset = columns[static_cast<std::size_t>(which)];
        check(static_cast<bool>(dataset), "the trace has the column");
        std::vector<int32_t> values(static_cast<std::size_t>(range.size()));
        dataset.read<int32_t>({static_cast<hsize_t>(range.begin)},
                              {static_cast<hsize_t>(range.size())}, values);
        int32_t const most = which == TokenColumn::source_rank ? info.source_count - 1
                             : which == TokenColumn::is_decode ? 1
                                                               : INT32_MAX;
        for (std::size_t i = 0; i < values.size() && most < INT32_MAX; ++i)
            if (values[i] < 0 || values[i] > most)
                throw FileError(fmt::format("/{} of token {} is {} (0 to {} are possible)",
                                            dataset.name(), range.begin + static_cast<int64_t>(i),
                                            values[i], most));
        return values;
    }

    /// A range of a step as a range of the trace. The caller must have asked for what exists.
    TokenRange in_trace(StepId step, TokenRange range) const {
        check(index(step) >= 0 && index(step) < info.steps(), "the trace has the step");
        check(0 <= range.begin && range.begin <= range.end && range.end <= info.tokens_of(step),
              "the step has the tokens");
        auto const base = info.step_offset[static_cast<std::size_t>(index(step))];
        return {base + range.begin, base + range.end};
    }

    /// Go where a reader goes: beyond every chunk index, which the constructor walks, the first and
    /// the last token of every layer and column.
    void walk() const {
        auto const past_bad_values = [](auto&& work) {
            try {
                work();
            } catch (FileError const&) {
            }
        };
        if (info.tokens() == 0) return;
        for (TokenRange const end :
             {TokenRange{0, 1}, TokenRange{info.tokens() - 1, info.tokens()}}) {
            for (std::size_t l = 0; l < info.layer.size(); ++l)
                past_bad_values([&] { read(static_cast<LayerId>(l), end); });
            for (auto const which : info.columns) past_bad_values([&] { column(which, end); });
        }
    }
};

TraceFile::TraceFile(std::filesystem::path const& path, Probe trust) {
    if (trust == Probe::in_child) probe(path, [&] { File(path).walk(); });
    file_ = reading(path, [&] { return std::make_unique<File>(path); });
}

TraceFile::~TraceFile() = default;

TraceInfo const& TraceFile::info() const {
    return file_->info;
}

RoutingBatch TraceFile::read(StepId step, LayerId layer, TokenRange range) const {
    check(index(layer) >= 0 && static_cast<std::size_t>(index(layer)) < info().layer.size(),
          "the trace has the layer");
    return reading(file_->path, [&] { return file_->read(layer, file_->in_trace(step, range)); });
}

std::vector<int32_t> TraceFile::column(TokenColumn which, StepId step, TokenRange range) const {
    return reading(file_->path, [&] { return file_->column(which, file_->in_trace(step, range)); });
}

std::string const& TraceFile::stated_sha256() const {
    return file_->sha256;
}

std::string TraceFile::computed_sha256() const {
    return reading(file_->path, [&] { return trace_sha256(file_->file.get()); });
}

}  // namespace epsim
