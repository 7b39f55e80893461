#include <fmt/format.h>

#include <cmath>

#include "measure/slowdown.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {

void summarise_slowdown(RunRecord const& record, SummaryRows& rows) {
    auto const all = slowdowns(record);
    if (all.empty()) return;
    double log_p50 = 0, log_p99 = 0;
    int64_t passes = all.front().passes;
    for (auto const& one : all) {
        auto const step = record.step[static_cast<std::size_t>(one.loaded)];
        auto const before = record.step[static_cast<std::size_t>(one.quiet)];
        rows.add(fmt::format("slowdown_p50_step_{}", step), one.p50.value, "1", one.passes,
                 fmt::format("median iteration time of step {}, under load, / that of step {}, the "
                             "same exchange without; a pass has both",
                             step, before),
                 one.p50.interval);
        rows.add(fmt::format("slowdown_p99_step_{}", step), one.p99, "1", one.passes,
                 "the same of the 99th percentiles (needs 299 effective iterations of each)");
        log_p50 += std::log(one.p50.value);
        log_p99 += std::log(one.p99);
        passes = std::min(passes, one.passes);
    }
    auto const n = static_cast<double>(all.size());
    rows.add("slowdown_p50", std::exp(log_p50 / n), "1", passes,
             "geometric mean over exchanges of slowdown_p50_step_*");
    rows.add("slowdown_p99", std::exp(log_p99 / n), "1", passes,
             "geometric mean over exchanges of slowdown_p99_step_*");
}

}  // namespace epsim
