// See npz.cpp. Each array is streamed to a file of its own beside the output; libzip then puts
// them together, so that memory does not grow with the trace.

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "trace/formats/export.hpp"
#include "trace/formats/export_pieces.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

constexpr int64_t piece_tokens = int64_t{1} << 16;

constexpr char const* name_of_column(TokenColumn which) {
    constexpr std::array names{"source_rank", "token_id", "position", "is_decode"};
    return names[static_cast<std::size_t>(which)];
}

template <class T>
void put(std::ofstream& file, std::vector<T> const& values) {
    file.write(reinterpret_cast<char const*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(T)));
}

/// Visit all tokens, in order, in pieces.
template <class Visit>
void for_each_piece(TraceInfo const& info, Visit&& visit) {
    for (int32_t s = 0; s < info.steps(); ++s)
        for (int64_t begin = 0; begin < info.tokens_of(StepId{s}); begin += piece_tokens)
            visit(StepId{s},
                  TokenRange{begin, std::min(info.tokens_of(StepId{s}), begin + piece_tokens)});
}

/// Files that are gone afterwards.
class Parts {
public:
    explicit Parts(fs::path const& output) : folder_(output.string() + ".parts") {
        fs::create_directory(folder_);
    }
    ~Parts() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    Parts(Parts&&) = delete;

    template <class Fill>
    void add(std::string const& name, std::string const& type, std::vector<int64_t> const& shape,
             Fill&& fill) {
        auto const path = folder_ / (name + ".npy");
        auto file = create_file(path);
        file << npy_head(type, shape);
        fill(file);
        finish_file(file, path);
        paths_.push_back(path);
    }
    template <class T>
    void add_row(std::string const& name, std::string const& type, std::vector<T> const& values) {
        add(name, type, {std::ssize(values)}, [&](auto& file) { put(file, values); });
    }
    void join(fs::path const& output) const {
        int error = 0;
        auto* const zip = zip_open(output.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
        check(zip != nullptr, "libzip opens a new file");
        bool good = true;
        for (auto const& path : paths_) {
            auto* const part = zip_source_file(zip, path.c_str(), 0, -1);
            auto const at =
                part ? zip_file_add(zip, path.filename().c_str(), part, ZIP_FL_ENC_UTF_8) : -1;
            good =
                good && at >= 0 &&
                zip_set_file_compression(zip, static_cast<zip_uint64_t>(at), ZIP_CM_STORE, 0) == 0;
        }
        if (zip_close(zip) == 0 && good) return;
        zip_discard(zip);
        throw Error(
            fmt::format("cannot write {} (the disk may be full). Free some", output.string()));
    }

private:
    fs::path folder_;
    std::vector<fs::path> paths_;
};

std::vector<uint8_t> bytes_of(std::string const& text) {
    return {text.begin(), text.end()};
}

void add_routing(Parts& parts, RoutingSource const& source) {
    auto const& info = source.info();
    std::vector<int64_t> const shape{std::ssize(info.layer), info.tokens(), info.top_k};
    auto const write = [&](auto&& put_batch) {
        return [&, put_batch](std::ofstream& file) {
            for (std::size_t l = 0; l < info.layer.size(); ++l)
                for_each_piece(info, [&](StepId step, TokenRange range) {
                    put_batch(file, source.read(step, LayerId{static_cast<int32_t>(l)}, range));
                });
        };
    };
    parts.add("topk_ids", "<i4", shape,
              write([](auto& file, RoutingBatch const& batch) { put(file, batch.expert); }));
    if (info.has_weights)
        parts.add("topk_weights", "<f4", shape,
                  write([](auto& file, RoutingBatch const& batch) { put(file, batch.weight); }));
}

}  // namespace

void write_npz(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    Parts parts(request.output);
    parts.add_row<int32_t>("layer", "<i4", info.layer);
    parts.add_row<int64_t>("step_offset", "<i8", info.step_offset);
    add_routing(parts, source);
    for (auto const which : info.columns)
        parts.add(name_of_column(which), "<i4", {info.tokens()}, [&](std::ofstream& file) {
            for_each_piece(info, [&](StepId step, TokenRange range) {
                put(file, source.column(which, step, range));
            });
        });
    if (!info.sequence_offset.empty())
        parts.add_row<int64_t>("sequence_offset", "<i8", info.sequence_offset);
    parts.add_row<int32_t>("num_experts", "<i4", {info.num_experts});
    parts.add_row<int32_t>("source_count", "<i4", {info.source_count});
    parts.add_row("origin", "|u1", bytes_of(info.origin));
    parts.add_row("model", "|u1", bytes_of(info.model));
    parts.join(request.output);
}

}  // namespace epsim
