#include <algorithm>

#include "core/cast.hpp"
#include "store/dataset_writer.hpp"
#include "store/sealed_file.hpp"
#include "store/trace_file.hpp"
#include "store/trace_schema.hpp"

namespace epsim {
namespace {

constexpr char const* long_name_of(TokenColumn column) {
    constexpr std::array names{"rank or stream that each token came from",
                               "vocabulary number of each token", "position in its sequence",
                               "1 = decode, 0 = prefill"};
    return names[static_cast<std::size_t>(column)];
}

constexpr int64_t piece_tokens = int64_t{1} << 16;

enum class IdSign { none_is_absent, none_may_occur };

hid_t id_type(int num_experts, IdSign sign) {
    if (sign == IdSign::none_may_occur)
        return num_experts <= 1 << 15 ? H5T_STD_I16LE : H5T_STD_I32LE;
    if (num_experts <= 1 << 8) return H5T_STD_U8LE;
    return num_experts <= 1 << 16 ? H5T_STD_U16LE : H5T_STD_I32LE;
}

void write_attributes(hid_t file, TraceInfo const& info) {
    hdf5::write_attribute(file, "schema", trace_schema);
    hdf5::write_attribute(file, "schema_version", trace_schema_version);
    hdf5::write_attribute(file, "num_experts", info.num_experts, H5T_STD_I32LE);
    hdf5::write_attribute(file, "top_k", info.top_k, H5T_STD_I32LE);
    hdf5::write_attribute(file, "kind", "tokens");
    hdf5::write_attribute(file, "id_space", "logical");
    hdf5::write_attribute(file, "origin", info.origin);
    hdf5::write_attribute(file, "producer", info.producer);
    hdf5::write_attribute(file, "source", info.source);
    hdf5::write_attribute(file, "model", info.model);
    hdf5::write_attribute(file, "source_count", info.source_count, H5T_STD_I32LE);
}

/// An array [layer, token, choice] or [token] that is written piece by piece, in chunks of up to
/// 64 Ki tokens of one layer.
hdf5::Hid create_streamed(hid_t file, char const* name, hid_t type, hdf5::Extents const& extents,
                          char const* long_name) {
    hdf5::Extents chunk = extents;
    if (chunk.size() == 3) chunk[0] = 1;
    auto& tokens = chunk[chunk.size() == 3 ? 1 : 0];
    tokens = std::clamp<hsize_t>(tokens, 1, piece_tokens);
    auto dataset = hdf5::create_dataset(file, name, type, extents, chunk);
    hdf5::describe(dataset.get(), "1", long_name);
    return dataset;
}

/// Call visit(step, range, first token of the range in the trace) for all tokens, in order.
template <class Visit>
void for_each_range(TraceInfo const& info, Visit&& visit) {
    for (int64_t s = 0; s < info.steps(); ++s) {
        auto const step = static_cast<StepId>(s);
        auto const n = info.tokens_of(step);
        for (int64_t begin = 0; begin < n; begin += piece_tokens)
            visit(step, TokenRange{begin, std::min(n, begin + piece_tokens)},
                  info.step_offset[static_cast<std::size_t>(s)] + begin);
    }
}

void require_valid(RoutingBatch const& batch, TraceInfo const& info, int32_t layer, int64_t first) {
    try {
        require_valid_ids(batch, info.num_experts, layer, first);
        if (info.has_weights) require_finite_weights(batch, layer, first);
    } catch (FileError const& e) {
        throw InputError(fmt::format("{}. Correct the routing that is to be written", e.what()));
    }
}

/// Returns false, with the file half-written, if a token turns out to have none and `sign` has no
/// place for it.
bool write_routing(RoutingSource const& source, hid_t file, IdSign sign) {
    auto const& info = source.info();
    hdf5::Extents const shape{info.layer.size(), static_cast<hsize_t>(info.tokens()),
                              static_cast<hsize_t>(info.top_k)};
    auto const ids = create_streamed(file, "topk_ids", id_type(info.num_experts, sign), shape,
                                     "experts of each token");
    hdf5::Hid weights;
    if (info.has_weights)
        weights = create_streamed(file, "topk_weights", H5T_IEEE_F32LE, shape,
                                  "gate weights of each token's experts");
    bool fits = true;
    for (std::size_t l = 0; l < info.layer.size() && fits; ++l)
        for_each_range(info, [&](StepId step, TokenRange range, int64_t first) {
            if (!fits) return;
            auto const batch = source.read(step, static_cast<LayerId>(l), range);
            require_valid(batch, info, info.layer[l], first);
            if (sign == IdSign::none_is_absent && std::ranges::count(batch.expert, no_expert) > 0) {
                fits = false;
                return;
            }
            hdf5::Extents const start{l, static_cast<hsize_t>(first), 0};
            hdf5::Extents const count{1, static_cast<hsize_t>(range.size()), shape[2]};
            hdf5::write_block(ids.get(), H5T_NATIVE_INT32, start, count, batch.expert.data());
            if (weights)
                hdf5::write_block(weights.get(), H5T_NATIVE_FLOAT, start, count,
                                  batch.weight.data());
        });
    return fits;
}

void write_columns(RoutingSource const& source, hid_t file) {
    auto const& info = source.info();
    for (auto const which : info.columns) {
        auto const type = which == TokenColumn::is_decode ? H5T_STD_U8LE : H5T_STD_I32LE;
        auto const dataset = create_streamed(
            file, name_of(which), type, {static_cast<hsize_t>(info.tokens())}, long_name_of(which));
        for_each_range(info, [&](StepId step, TokenRange range, int64_t first) {
            auto const values = source.column(which, step, range);
            hdf5::write_block(dataset.get(), H5T_NATIVE_INT32, {static_cast<hsize_t>(first)},
                              {static_cast<hsize_t>(range.size())}, values.data());
        });
    }
}

void write_offsets(hid_t file, TraceInfo const& info) {
    auto const write = [&]<class T>(char const* name, std::vector<T> const& values,
                                    char const* text) {
        auto const dataset = hdf5::write_array<T>(file, name, {values.size()}, values);
        hdf5::describe(dataset.get(), "1", text);
    };
    write("layer", info.layer, "the model's number of each layer");
    write("step_offset", info.step_offset, "first token of each step");
    if (!info.sequence_offset.empty())
        write("sequence_offset", info.sequence_offset, "first token of each sequence");
}

bool write_file(RoutingSource const& source, std::filesystem::path const& path, IdSign sign) {
    auto file = hdf5::create_file(path);
    write_attributes(file.get(), source.info());
    write_offsets(file.get(), source.info());
    if (!write_routing(source, file.get(), sign)) return false;
    write_columns(source, file.get());
    hdf5::require(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "cannot write out");
    hdf5::write_attribute(file.get(), "sha256", trace_sha256(file.get()));
    hdf5::close_file(std::move(file));
    return true;
}

}  // namespace

void write_trace(RoutingSource const& source, std::filesystem::path const& path) {
    check(!source.info().step_offset.empty(), "a source says where its steps end");
    SealedFile sealed(path);
    writing(path, [&] {
        // Most sources give every token all its experts: the wider type only if one does not.
        if (!write_file(source, sealed.temporary(), IdSign::none_is_absent))
            write_file(source, sealed.temporary(), IdSign::none_may_occur);
    });
    sealed.seal();
}

}  // namespace epsim
