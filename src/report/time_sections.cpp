#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/text.hpp"
#include "measure/bootstrap.hpp"
#include "measure/phase.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

int64_t samples_of(ReportInput const& input, std::string_view metric) {
    for (auto const& row : input.summary)
        if (row.metric == metric) return row.n;
    return 0;
}

/// " (5.110 to 5.300 ktoken/s, 95 %)"; empty without an interval.
std::string interval_text(ReportInput const& input, std::string_view metric) {
    for (auto const& row : input.summary) {
        if (row.metric != metric || !std::isfinite(row.ci_low) || !std::isfinite(row.ci_high))
            continue;
        auto low = format_si(row.ci_low, row.unit);
        auto const high = format_si(row.ci_high, row.unit);
        auto const unit = low.find(' ');
        if (high.ends_with(low.substr(unit))) low.resize(unit);
        return fmt::format(" ({} to {}, 95 %)", low, high);
    }
    return "";
}

/// What the intervals rest on.
std::string precision_text(ReportInput const& input) {
    double const n_eff = input.value("n_eff");
    auto text = fmt::format("{:.1f} independent passes of {} (autocorrelation time {:.2f})", n_eff,
                            samples_of(input, "n_eff"), input.value("autocorrelation_time"));
    if (n_eff < passes_for_median)
        text += fmt::format(", intervals need {:.0f}", passes_for_median);
    auto const add = [&](std::string_view metric, std::string_view where) {
        if (double const spread = input.value(metric); std::isfinite(spread))
            text += fmt::format("{} {}", where, percent_text(spread));
    };
    add("step_time_sd_within", "; standard deviation within steps");
    add("step_time_sd_between", ", between");
    return text;
}

/// Why the measurement ended, and what was odd on the way.
std::string stop_text(ReportInput const& input) {
    auto text = input.provenance("measure", "stopped");
    auto const late = input.provenance("measure", "late_starts");
    if (!late.empty() && late != "0")
        text += fmt::format("{}iterations that some rank began late: {}", text.empty() ? "" : "; ",
                            late);
    return text;
}

/// What is known of the critical rank's waits in all phases, s; NaN if nothing.
double critical_wait(ReportInput const& input) {
    double sum = nan;
    for (auto const name : phase_names)
        if (double const t = input.value(fmt::format("critical_wait_{}", name)); std::isfinite(t))
            sum = t + (std::isfinite(sum) ? sum : 0);
    return sum;
}

/// Where the critical rank's step goes, the largest part first.
std::string limit_text(ReportInput const& input) {
    double const step = input.value("critical_step_time");
    auto const sum = [&](std::initializer_list<Phase> phases) {
        double seconds = 0;
        for (auto const phase : phases)
            if (double const t = input.value(fmt::format("critical_phase_{}", name_of(phase)));
                std::isfinite(t))
                seconds += t;
        return seconds;
    };
    using enum Phase;
    double const exchange = sum({counts, dispatch, combine, rebalance});
    std::vector<std::pair<double, std::string_view>> parts{
        {sum({expert}), "experts"},
        {sum({gate, layout, permute, unpermute}), "routing and row copies"},
        {input.value("critical_other"), "other"}};
    if (double const wait = critical_wait(input); std::isfinite(wait))
        parts.insert(parts.end(), {{exchange - wait, "exchange"}, {wait, "waiting"}});
    else
        parts.emplace_back(exchange, "exchange with its waiting");
    std::ranges::stable_sort(parts, std::greater<>{}, [](auto const& part) { return part.first; });
    std::vector<std::string> texts;
    for (auto const& [seconds, name] : parts)
        texts.push_back(fmt::format("{} {}", name, percent_text(seconds / step)));
    return fmt::format("{} of the step of rank {:.0f}, which ended last in {} of the iterations",
                       fmt::join(texts, ", "), input.value("critical_rank"),
                       percent_text(input.value("critical_rank_last")));
}

/// What overlap hides, and what it costs.
std::string overlap_text(ReportInput const& input) {
    double const communication = input.value("overlap_communication");
    double const compute = input.value("overlap_compute");
    return fmt::format(
        "hides {} of {} ({}; step without overlap {}); experts take {} of their time without it",
        percent_text(input.value("overlap_efficiency")),
        communication < compute ? "communication" : "computation",
        seconds_text(std::min(communication, compute)),
        seconds_text(input.value("sequential_step_time")),
        percent_text(input.value("expert_slowdown")));
}

/// What rebalancing moves, and whether it pays.
std::string rebalance_text(ReportInput const& input) {
    double const even = input.value("break_even_step"), gain = input.value("rebalance_speedup");
    auto text = fmt::format(
        "{}, {} of weights moved ({} between ranks); balancedness {} instead of {}",
        count_text(static_cast<int64_t>(input.value("rebalance_decisions")), "decision"),
        bytes_text(input.value("rebalance_bytes")), bytes_text(input.value("rebalance_rank_bytes")),
        ratio_text(input.value("rebalanced_balancedness")),
        ratio_text(input.value("static_balancedness")));
    if (std::isfinite(gain))
        text += fmt::format("; {} x as fast as without (step {}); {}", ratio_text(gain),
                            seconds_text(input.value("static_step_time")),
                            std::isfinite(even) ? fmt::format("pays by step {}", even)
                                                : "does not pay in this run");
    return text;
}

}  // namespace

std::string speed_section(ReportInput const& input) {
    auto const& style = input.style;
    if (samples_of(input, "throughput") == 0)
        return fact("throughput", "none: no measured iteration was finished", style);
    std::string text =
        fact("throughput",
             format_si(input.value("throughput"), "token/s") + interval_text(input, "throughput"),
             style);
    auto step = fmt::format(
        "{}{}, mean over steps of the median; {} to {} over {}",
        seconds_text(input.value("step_time")), interval_text(input, "step_time"),
        seconds_text(input.value("step_time_min")), seconds_text(input.value("step_time_max")),
        count_text(samples_of(input, "step_time_p50"), "iteration"));
    for (auto const* p : {"p95", "p99"})
        if (double const t = input.value(fmt::format("step_time_{}", p)); std::isfinite(t))
            step += fmt::format(", {} {}", p, seconds_text(t));
    text += fact("step time", step, style);
    if (std::isfinite(input.value("n_eff")))
        text += fact("precision", precision_text(input), style);
    if (auto const stop = stop_text(input); !stop.empty()) text += fact("stopped", stop, style);
    if (std::isfinite(input.value("sequential_step_time")))
        text += fact("overlap", overlap_text(input), style);
    else if (std::isfinite(input.value("critical_rank")))
        text += fact("limited by", limit_text(input), style);
    if (std::isfinite(input.value("rebalance_decisions")))
        text += fact("rebalancing", rebalance_text(input), style);
    if (double const busiest = input.value("expert_flops_busiest_rank"); std::isfinite(busiest))
        text += fact("experts",
                     fmt::format("{} on the busiest rank, {} on all, in the expert phase",
                                 format_si(busiest, "FLOP/s"),
                                 format_si(input.value("expert_flops_all_ranks"), "FLOP/s")),
                     style);
    return text;
}

std::string phase_section(ReportInput const& input) {
    double const rank_step = input.value("critical_step_time");
    if (!std::isfinite(rank_step)) return "";
    // A bar only where it can be long enough to tell phases apart.
    int const bar_columns = input.style.width < 96 ? 0 : 20;
    auto const critical = fmt::format("rank {:.0f}", input.value("critical_rank"));
    Table table({{"phases of a step", Align::left},
                 {"slowest"},
                 {"share"},
                 {"fastest"},
                 {critical},
                 {"share"},
                 {"waiting"},
                 {"", Align::left}});
    auto const add = [&](std::string_view name, double slowest, double fastest, double own,
                         double wait) {
        table.add({std::string(name), seconds_text(slowest),
                   percent_text(slowest / input.value("step_time")), seconds_text(fastest),
                   seconds_text(own), percent_text(own / rank_step), seconds_text(wait),
                   bar(own / rank_step, bar_columns, input.style.charset)});
    };
    for (auto const name : phase_names) {
        double const slowest = input.value(fmt::format("phase_{}_p50", name));
        if (std::isnan(slowest)) continue;
        add(name, slowest, input.value(fmt::format("phase_{}_fastest_p50", name)),
            input.value(fmt::format("critical_phase_{}", name)),
            input.value(fmt::format("critical_wait_{}", name)));
    }
    if (double const other = input.value("critical_other"); std::isfinite(other))
        add("other", nan, nan, other, nan);
    add("step", input.value("step_time"), nan, rank_step, critical_wait(input));
    if (std::isfinite(input.value("sequential_step_time")))
        return table.text(input.style) +
               note(
                   "Medians over iterations, summed over layers, mean over steps, of the time from "
                   "a phase's first begin to its last end in a layer: phases overlap, and do not "
                   "add up to the step.",
                   input.style);
    return table.text(input.style) +
           note(fmt::format(
                    "Slowest and fastest rank: medians over iterations, summed over layers, mean "
                    "over steps; they do not add up to the step. Those of {}, most often the "
                    "last, do: they are of each step's median iteration. Waiting: the part of its "
                    "collective phases before the ranks that it depends on had entered; - = not "
                    "known.",
                    critical),
                input.style);
}

}  // namespace epsim
