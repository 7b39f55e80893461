#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The rank that ended last in the most iterations (ties: the lowest), and in how many.
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

}  // namespace

void summarise_steps(SummaryInput const& input, SummaryRows& rows) {
    auto const medians = step_medians(input.record, input.iterations);
    double tokens = 0, seconds = 0;
    for (std::size_t s = 0; s < medians.size(); ++s) {
        if (!std::isfinite(medians[s])) continue;
        tokens += static_cast<double>(input.record.step_tokens[s]);
        seconds += medians[s];
    }
    int64_t const n = input.measured;
    rows.add("throughput", seconds > 0 ? tokens / seconds : nan, "token/s", n,
             "sum of the steps' tokens / sum of the steps' median iteration times, over the steps "
             "that were measured; iteration time = latest end - earliest agreed start over ranks");
    rows.add("step_time", input.step_time, "s", n,
             "mean over steps of the step's median iteration time");

    std::vector<double> times;
    for (auto const& of_step : input.iterations)
        for (int64_t const i : of_step) times.push_back(iteration_time(input.record, i));
    // Fewer samples than 59 (299) leave over 5 % chance that none lies above the 95th (99th).
    struct Quantile {
        char const* name;
        double p;
        int64_t needs;
    };
    for (auto const& q : {Quantile{"min", 0, 1}, Quantile{"p50", 0.5, 1}, Quantile{"p95", 0.95, 59},
                          Quantile{"p99", 0.99, 299}, Quantile{"max", 1, 1}})
        rows.add(fmt::format("step_time_{}", q.name), n < q.needs ? nan : quantile(times, q.p), "s",
                 n,
                 fmt::format("{} of all measured iterations' times, every step alike (needs n >= "
                             "{})",
                             q.name, q.needs));
}

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
        rows.add(name + "_p50", p50, "s", n, describe("median", "maximum"));
        rows.add(name + "_min", of(min), "s", n, describe("minimum", "maximum"));
        rows.add(name + "_max", of(max), "s", n, describe("maximum", "maximum"));
        rows.add(name + "_fastest_p50", of(fastest), "s", n, describe("median", "minimum"));
        rows.add(name + "_share", p50 / input.step_time, "1", n, name + "_p50 / step_time");
    }
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

    auto const own = phase_quantiles(typical, static_cast<int64_t>(input.record.layer.size()),
                                     one_rank(input.record, rank), 0.5);
    double other = step_time;
    for (std::size_t p = 0; p < phase_count; ++p) {
        auto const phase = static_cast<Phase>(p);
        double const t = step_mean(own, typical, phase);
        if (std::isnan(t)) continue;
        other -= t;
        rows.add(fmt::format("critical_phase_{}", name_of(phase)), t, "s", n,
                 "the critical rank's (end - start) in the same iterations, summed over layers, "
                 "mean over steps");
    }
    rows.add("critical_other", other, "s", n,
             "critical_step_time - all critical_phase_*: the time outside the phases");
}

}  // namespace epsim
