#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "measure/slowdown.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

/// What the busiest rank receives in a step, bytes.
int64_t busiest_bytes(RunRecord const& record, int64_t step) {
    int64_t most = 0;
    for (int64_t r = 0; r < record.rank_tokens.extent(2); ++r) {
        int64_t rows = 0;
        for (int64_t l = 0; l < record.rank_tokens.extent(1); ++l)
            rows += record.rank_tokens(step, l, r);
        most = std::max(most, rows);
    }
    return most * record.dispatch_row_bytes;
}

std::string interval_text(Interval const& interval) {
    if (std::isnan(interval.low)) return "-";
    return fmt::format("{:.3g} to {:.3g}", interval.low, interval.high);
}

}  // namespace

std::string slowdown_section(ReportInput const& input) {
    Table table({{"received"},
                 {"p50"},
                 {"loaded p50"},
                 {"slowdown"},
                 {"95 %"},
                 {"p99"},
                 {"loaded p99"},
                 {"slowdown"}});
    auto const all = slowdowns(input.record);
    if (all.empty()) return "";
    for (auto const& one : all)
        table.add({bytes_text(static_cast<double>(busiest_bytes(input.record, one.quiet))),
                   seconds_text(one.quiet_p50), seconds_text(one.loaded_p50),
                   ratio_text(one.p50.value), interval_text(one.p50.interval),
                   seconds_text(one.quiet_p99), seconds_text(one.loaded_p99), ratio_text(one.p99)});
    return fact("aggressor",
                fmt::format("{}: {} ranks, messages of {} B",
                            input.provenance("aggressor", "pattern"),
                            input.provenance("aggressor", "ranks"),
                            input.provenance("aggressor", "message_bytes")),
                input.style) +
           "\n" + table.text(input.style) +
           note(fmt::format("Each exchange without and with load from the other ranks, by turns, "
                            "{} passes. Slowdown: loaded / without; {} at p50 and {} at p99 over "
                            "all (geometric mean). p99 needs 299 effective passes.",
                            all.front().passes, ratio_text(input.value("slowdown_p50")),
                            ratio_text(input.value("slowdown_p99"))),
                input.style);
}

}  // namespace epsim
