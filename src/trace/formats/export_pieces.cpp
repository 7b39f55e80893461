#include "trace/formats/export_pieces.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"

namespace epsim {

SourceIds ids_by_source(RoutingSource const& source, StepId step, LayerId layer) {
    auto const& info = source.info();
    TokenRange const all{0, info.tokens_of(step)};
    auto const batch = source.read(step, layer, all);
    std::vector<int32_t> from(static_cast<std::size_t>(all.size()), 0);
    if (info.has(TokenColumn::source_rank))
        from = source.column(TokenColumn::source_rank, step, all);
    SourceIds ids(static_cast<std::size_t>(info.source_count));
    for (std::size_t t = 0; t < from.size(); ++t) {
        check(from[t] >= 0 && from[t] < info.source_count, "a token's source exists");
        auto& of_source = ids[static_cast<std::size_t>(from[t])];
        for (int j = 0; j < info.top_k; ++j)
            of_source.push_back(index(batch.expert[t * static_cast<std::size_t>(info.top_k) +
                                                   static_cast<std::size_t>(j)]));
    }
    return ids;
}

void for_each_step_layer(RoutingSource const& source,
                         std::function<void(StepId, LayerId)> const& visit) {
    for (int32_t s = 0; s < source.info().steps(); ++s)
        for (std::size_t l = 0; l < source.info().layer.size(); ++l)
            visit(StepId{s}, LayerId{static_cast<int32_t>(l)});
}

std::vector<int64_t> count_ids(std::vector<int32_t> const& ids, int num_experts) {
    std::vector<int64_t> counts(static_cast<std::size_t>(num_experts));
    for (auto const id : ids)
        if (id >= 0) ++counts[static_cast<std::size_t>(id)];
    return counts;
}

std::ofstream create_file(std::filesystem::path const& path) {
    std::ofstream file(path, std::ios::binary);
    if (!file)
        throw InputError(fmt::format(
            "cannot write {} (no such folder, or no access). Check the path", path.string()));
    return file;
}

void finish_file(std::ofstream& file, std::filesystem::path const& path) {
    file.close();
    if (!file)
        throw Error(fmt::format("cannot write {} (the disk is full). Free some", path.string()));
}

std::string npy_head(std::string const& type, std::vector<int64_t> const& shape) {
    auto text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type,
                            fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
    constexpr std::size_t before = 10, alignment = 64;
    text.resize((before + text.size() + 1 + alignment - 1) / alignment * alignment - before - 1,
                ' ');
    text += '\n';
    std::string head("\x93NUMPY\x01\x00", 8);
    head += static_cast<char>(text.size() & 255);
    head += static_cast<char>(text.size() >> 8);
    return head + text;
}

}  // namespace epsim
