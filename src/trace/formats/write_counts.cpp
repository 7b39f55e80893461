// See sglang_json.cpp and byte_matrix.cpp.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/formats/export.hpp"
#include "trace/formats/export_pieces.hpp"
#include "trace/limits.hpp"

namespace epsim {

void write_sglang_counts(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    auto file = create_file(request.output);
    file << R"({"logical_count": [)";
    for (int32_t s = 0; s < info.steps(); ++s) {
        file << (s ? ", [" : "[");
        for (int32_t number = 0; number <= std::ranges::max(info.layer); ++number) {
            std::vector<int64_t> counts(static_cast<std::size_t>(info.num_experts));
            auto const found = std::ranges::find(info.layer, number);
            if (found != info.layer.end())
                for (auto const& ids :
                     ids_by_source(source, StepId{s},
                                   LayerId{static_cast<int32_t>(found - info.layer.begin())})) {
                    auto const more = count_ids(ids, info.num_experts);
                    for (std::size_t e = 0; e < counts.size(); ++e) counts[e] += more[e];
                }
            file << (number ? ", " : "") << fmt::format("{}", counts);
        }
        file << "]";
    }
    file << "]}\n";
    finish_file(file, request.output);
}

void write_byte_matrix(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    int64_t const ranks = request.ranks;
    if (ranks < 1 || ranks > most_sources || request.row_bytes < 1)
        throw InputError(
            fmt::format("--ranks {}, --row-bytes {} make no matrix (both are 1 or "
                        "more). Correct them",
                        ranks, request.row_bytes));
    std::vector<int64_t> rows(static_cast<std::size_t>(ranks * ranks));
    for_each_step_layer(source, [&](StepId step, LayerId layer) {
        auto const sources = ids_by_source(source, step, layer);
        // A source, or without them a token, is at its place among all.
        bool const one = sources.size() == 1;
        auto const places = one ? std::ssize(sources[0]) / info.top_k : std::ssize(sources);
        for (std::size_t s = 0; s < sources.size(); ++s)
            for (std::size_t i = 0; i < sources[s].size(); ++i) {
                if (sources[s][i] < 0) continue;
                auto const place = static_cast<int64_t>(one ? i : s) / (one ? info.top_k : 1);
                auto const from = place * ranks / places;
                auto const to = int64_t{sources[s][i]} * ranks / info.num_experts;
                ++rows[static_cast<std::size_t>(from * ranks + to)];
            }
    });
    auto file = create_file(request.output);
    for (int64_t from = 0; from < ranks; ++from) {
        std::vector<int64_t> bytes;
        for (int64_t to = 0; to < ranks; ++to)
            bytes.push_back(rows[static_cast<std::size_t>(from * ranks + to)] * request.row_bytes);
        file << fmt::format("{}\n", fmt::join(bytes, ","));
    }
    finish_file(file, request.output);
}

}  // namespace epsim
