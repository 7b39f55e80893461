// See vllm.cpp: a line {"routed_experts": base64 of .npy [tokens, layers, k]} for each sequence,
// all tokens being one where no sequences are known.

#include <fmt/format.h>

#include <algorithm>

#include "core/base64.hpp"
#include "core/error.hpp"
#include "trace/formats/export.hpp"
#include "trace/formats/export_pieces.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

/// Ids of consecutive tokens of the trace, [tokens, layers from 0 on, k].
std::vector<int32_t> tokens_of(RoutingSource const& source, int64_t begin, int64_t end) {
    auto const& info = source.info();
    auto const width = std::ranges::max(info.layer) + 1;
    auto const k = static_cast<std::size_t>(info.top_k);
    std::vector<int32_t> ids(static_cast<std::size_t>(end - begin) *
                             static_cast<std::size_t>(width) * k);
    for (int32_t s = 0; s < info.steps(); ++s) {
        auto const first = info.step_offset[static_cast<std::size_t>(s)];
        auto const after = first + info.tokens_of(StepId{s});
        TokenRange const range{std::max(begin, first) - first, std::min(end, after) - first};
        if (range.begin >= range.end) continue;
        for (std::size_t l = 0; l < info.layer.size(); ++l) {
            auto const batch = source.read(StepId{s}, LayerId{static_cast<int32_t>(l)}, range);
            for (int64_t t = 0; t < range.size(); ++t)
                for (std::size_t j = 0; j < k; ++j)
                    ids[(static_cast<std::size_t>((first + range.begin - begin + t) * width +
                                                  info.layer[l])) *
                            k +
                        j] = index(batch.expert[static_cast<std::size_t>(t) * k + j]);
        }
    }
    return ids;
}

template <class T>
std::string bytes_as(std::vector<int32_t> const& ids) {
    std::vector<T> values;
    for (auto const id : ids) values.push_back(static_cast<T>(id));
    return {reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

void write_vllm(RoutingSource const& source, ExportRequest const& request) {
    auto const& info = source.info();
    int64_t const width = std::ranges::max(info.layer) + int64_t{1};
    if (width > most_layers)
        throw InputError(
            fmt::format("the trace has a layer {} (vLLM's arrays begin with layer 0). "
                        "Slice it to fewer layers",
                        width - 1));
    auto offset = info.sequence_offset;
    if (offset.size() < 2) offset = {0, info.tokens()};
    auto file = create_file(request.output);
    for (std::size_t q = 0; q + 1 < offset.size(); ++q) {
        auto const ids = tokens_of(source, offset[q], offset[q + 1]);
        bool const none = std::ranges::count(ids, -1) > 0;
        bool const bytes = !none && info.num_experts <= 256;
        auto const type = none ? "<i4" : bytes ? "|u1" : "<u2";
        auto const data = none    ? bytes_as<int32_t>(ids)
                          : bytes ? bytes_as<uint8_t>(ids)
                                  : bytes_as<uint16_t>(ids);
        file << R"({"routed_experts": ")"
             << to_base64(npy_head(type, {offset[q + 1] - offset[q], width, info.top_k}) + data)
             << "\"}\n";
    }
    finish_file(file, request.output);
}

}  // namespace epsim
