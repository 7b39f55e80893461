#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

/// Bytes of one direction, all layers and pairs.
double total(Array<int64_t, 4> const& bytes, int64_t direction) {
    double sum = 0;
    for (int64_t l = 0; l < bytes.extent(0); ++l)
        for (int64_t from = 0; from < bytes.extent(2); ++from)
            for (int64_t to = 0; to < bytes.extent(3); ++to)
                sum += static_cast<double>(bytes(l, direction, from, to));
    return sum;
}

void add_wire(RunRecord const& record, int64_t direction, SummaryRows& rows) {
    auto const name = direction_names[static_cast<std::size_t>(direction)];
    auto const steps = static_cast<int64_t>(record.step.size());
    double all = 0, off_rank = 0, off_node = 0;
    for (std::size_t c = 0; c < record.link_class.size(); ++c) {
        auto const& link = record.link_class[c];
        double bytes = 0;
        for (int64_t l = 0; l < record.wire.extent(0); ++l)
            for (int64_t r = 0; r < record.wire.extent(2); ++r)
                bytes += static_cast<double>(record.wire(l, direction, r, c));
        all += bytes;
        if (link != "self") off_rank += bytes;
        if (link != "self" && link != "node") off_node += bytes;
        rows.add(fmt::format("{}_wire_{}", name, link), bytes, "B", steps,
                 fmt::format("bytes sent over the link class '{}' in a pass, every hop", link));
    }
    rows.add(
        fmt::format("{}_off_rank_share", name), off_rank / all, "1", steps,
        "bytes over links other than 'self' / bytes over all links, every hop, metadata included");
    rows.add(fmt::format("{}_off_node_share", name), off_node / all, "1", steps,
             "bytes over links other than 'self' and 'node' / bytes over all links, every hop");
}

}  // namespace

void summarise_traffic(RunRecord const& record, SummaryRows& rows) {
    auto const steps = static_cast<int64_t>(record.step.size());
    struct Part {
        char const* name;
        Array<int64_t, 4> const& bytes;
        char const* description;
    };
    for (int64_t d = 0; d < static_cast<int64_t>(direction_count); ++d) {
        auto const name = direction_names[static_cast<std::size_t>(d)];
        for (auto const& part :
             {Part{"selected", record.selected, "(token, expert) assignments x bytes of a row"},
              Part{"payload", record.payload, "bytes of rows after dedup, without padding"},
              Part{"padding", record.padding, "bytes of padding rows"},
              Part{"metadata", record.metadata, "bytes of row counts, slots and weights"}})
            if (!part.bytes.empty())
                rows.add(fmt::format("{}_{}", name, part.name), total(part.bytes, d), "B", steps,
                         fmt::format("{}, all pairs (to self included) and layers, one pass",
                                     part.description));
        if (!record.wire.empty()) add_wire(record, d, rows);
    }
}

}  // namespace epsim
