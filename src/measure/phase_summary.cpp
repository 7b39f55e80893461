#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Iterations in which a phase ran in at least one layer.
int64_t iterations_with(SummaryInput const& input, PhaseDuration const& duration, Phase phase) {
    int64_t n = 0;
    for (auto const& of_step : input.iterations)
        for (int64_t const i : of_step)
            for (int64_t l = 0; l < std::ssize(input.record.layer); ++l)
                if (std::isfinite(duration(i, l, phase))) {
                    ++n;
                    break;
                }
    return n;
}

/// The interval of a phase_*_p50: of the sum of its medians in steps and layers.
Interval interval_of_phase(SummaryInput const& input, PhaseDuration const& duration, Phase phase) {
    std::vector<PassSamples> medians;
    for (std::size_t s = 0; s < input.iterations.size(); ++s)
        for (int64_t l = 0; l < std::ssize(input.record.layer); ++l)
            medians.push_back(
                samples_of_step(input, s, [&](int64_t i) { return duration(i, l, phase); }));
    return sum_of_medians(medians, 1 / static_cast<double>(input.steps)).interval;
}

void add_wait(SummaryInput const& input, Phase phase, SummaryRows& rows) {
    auto const largest = largest_wait(input.record);
    auto const waits =
        phase_quantiles(input.iterations, std::ssize(input.record.layer), largest, 0.5);
    rows.add(
        fmt::format("phase_{}_largest_wait_p50", name_of(phase)),
        wait_is_known(input.record, input.iterations, phase, 0, std::ssize(input.record.topology))
            ? step_mean(waits, input.iterations, phase)
            : nan,
        "s", iterations_with(input, largest, phase),
        "median over iterations of the maximum over ranks of the time that a rank of the "
        "phase waits for late ones it depends on, summed over layers, mean over steps; too "
        "short for the clocks to tell (under 3 x their error) counts as 0");
}

}  // namespace

void summarise_phases(SummaryInput const& input, SummaryRows& rows) {
    auto const layers = static_cast<int64_t>(input.record.layer.size());
    auto const slowest = slowest_rank(input.record);
    auto const min = phase_quantiles(input.iterations, layers, slowest, 0);
    auto const max = phase_quantiles(input.iterations, layers, slowest, 1);
    auto const fastest = phase_quantiles(input.iterations, layers, fastest_rank(input.record), 0.5);
    for (std::size_t p = 0; p < phase_count; ++p) {
        auto const phase = static_cast<Phase>(p);
        auto const of = [&](auto const& t) { return step_mean(t, input.iterations, phase); };
        double const p50 = of(input.slowest_p50);
        if (std::isnan(p50)) continue;
        auto const name = fmt::format("phase_{}", name_of(phase));
        int64_t const n = iterations_with(input, slowest, phase);
        auto const describe = [](char const* over_iterations, char const* over_ranks) {
            return fmt::format(
                "{} over iterations of the {} over ranks of (end - start), summed "
                "over layers, mean over steps; phases do not add up to the step",
                over_iterations, over_ranks);
        };
        rows.add(name + "_p50", p50, "s", n, describe("median", "maximum"),
                 interval_of_phase(input, slowest, phase));
        rows.add(name + "_min", of(min), "s", n, describe("minimum", "maximum"));
        rows.add(name + "_max", of(max), "s", n, describe("maximum", "maximum"));
        rows.add(name + "_fastest_p50", of(fastest), "s", n, describe("median", "minimum"));
        rows.add(name + "_share", p50 / input.step_time, "1", n, name + "_p50 / step_time");
        if (is_collective(phase) && !input.record.time_wait.empty()) add_wait(input, phase, rows);
    }
}

}  // namespace epsim
