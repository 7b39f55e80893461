#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// [S] the iteration of each step with its median time, the lower of two; none where none is
/// measured.
IterationsOfStep median_iterations(SummaryInput const& input) {
    IterationsOfStep typical;
    for (auto of_step : input.iterations) {
        auto const middle = of_step.begin() + (std::ssize(of_step) - 1) / 2;
        if (!of_step.empty())
            std::ranges::nth_element(of_step, middle, {}, [&](int64_t i) {
                return std::pair{iteration_time(input.record, i), i};
            });
        typical.push_back(of_step.empty() ? of_step : std::vector<int64_t>{*middle});
    }
    return typical;
}

}  // namespace

std::pair<int64_t, int64_t> find_critical_rank(SummaryInput const& input) {
    auto const& end = input.record.step_end;
    std::vector<int64_t> last(static_cast<std::size_t>(end.extent(1)));
    for (auto const& of_step : input.iterations)
        for (int64_t const i : of_step) {
            int64_t latest = 0;
            for (int64_t r = 1; r < end.extent(1); ++r)
                if (end(i, r) > end(i, latest)) latest = r;
            ++last[static_cast<std::size_t>(latest)];
        }
    auto const most = std::ranges::max_element(last);
    return {most - last.begin(), *most};
}

void summarise_critical(SummaryInput const& input, SummaryRows& rows) {
    if (input.measured == 0) return;
    auto const [rank, times_last] = find_critical_rank(input);
    rows.add("critical_rank", static_cast<double>(rank), "1", input.measured,
             "the rank that ended last in the most measured iterations (ties: the lowest)");
    rows.add("critical_rank_last",
             static_cast<double>(times_last) / static_cast<double>(input.measured), "1",
             input.measured, "share of the measured iterations in which it ended last");

    // One whole iteration a step: its times add up, as medians of each phase would not.
    auto const typical = median_iterations(input);
    double total = 0;
    for (auto const& of_step : typical)
        for (int64_t const i : of_step) total += rank_time(input.record, i, rank);
    auto const n = std::ranges::count_if(typical, [](auto const& t) { return !t.empty(); });
    double const step_time = total / static_cast<double>(n);
    rows.add("critical_step_time", step_time, "s", n,
             "the critical rank's end - the earliest agreed start, in each step's median "
             "iteration (the lower of two), mean over steps");

    auto const layers = std::ssize(input.record.layer);
    auto const own = phase_quantiles(typical, layers, one_rank_inside(input.record, rank), 0.5);
    auto const waits = phase_quantiles(typical, layers, wait_inside(input.record, rank), 0.5);
    double other = step_time;
    for (std::size_t p = 0; p < phase_count; ++p) {
        auto const phase = static_cast<Phase>(p);
        double const t = step_mean(own, typical, phase);
        if (std::isnan(t)) continue;
        other -= t;
        rows.add(fmt::format("critical_phase_{}", name_of(phase)), t, "s", n,
                 "the critical rank's (end - start) in the same iterations, summed over layers, "
                 "mean over steps; where iterations follow each other, what lies before the end "
                 "of the last one is left out");
        if (!is_collective(phase) || input.record.time_wait.empty()) continue;
        bool const known = wait_is_known(input.record, typical, phase, rank, 1);
        rows.add(fmt::format("critical_wait_{}", name_of(phase)),
                 known ? step_mean(waits, typical, phase) : nan, "s", n,
                 "of critical_phase, what the critical rank waits for late ranks; its transfer "
                 "lies between the difference of both and critical_phase; a wait too short for "
                 "the clocks to tell (under 3 x their error) counts as 0");
    }
    // With overlap phases do not add up to anything.
    if (!input.record.sequential_phase.empty()) return;
    rows.add("critical_other", other, "s", n,
             "critical_step_time - all critical_phase_*: the time outside the phases");
}

}  // namespace epsim
