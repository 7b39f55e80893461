#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/autocorrelation.hpp"
#include "measure/spread.hpp"
#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<PassSamples> times_of_steps(SummaryInput const& input) {
    std::vector<PassSamples> times;
    for (std::size_t s = 0; s < input.iterations.size(); ++s)
        times.push_back(
            samples_of_step(input, s, [&](int64_t i) { return iteration_time(input.record, i); }));
    return times;
}

std::vector<double> all_times(SummaryInput const& input) {
    std::vector<double> times;
    for (auto const& of_step : input.iterations)
        for (int64_t const i : of_step) times.push_back(iteration_time(input.record, i));
    return times;
}

/// The interval of the median of all iterations, every step alike.
Interval pooled_interval(SummaryInput const& input) {
    PassSamples all;
    for (auto const& step : times_of_steps(input)) all.insert(all.end(), step.begin(), step.end());
    return sum_of_medians({all}, 1).interval;
}

/// Measured iterations that tell as much about a percentile as independent ones: their number / the
/// autocorrelation time of (time / median of its step) in order of time.
double effective_iterations(SummaryInput const& input) {
    std::vector<std::pair<int64_t, double>> scaled;  // iteration, time / median of its step
    auto const medians = step_medians(input.record, input.iterations);
    for (std::size_t s = 0; s < medians.size(); ++s)
        for (int64_t const i : input.iterations[s])
            scaled.emplace_back(i, iteration_time(input.record, i) / medians[s]);
    std::ranges::sort(scaled);
    std::vector<double> series;
    for (auto const& [iteration, value] : scaled) series.push_back(value);
    return effective_count(series);
}

}  // namespace

PassSamples samples_of_step(SummaryInput const& input, std::size_t step,
                            std::function<double(int64_t)> const& time) {
    PassSamples samples;
    int64_t pass = 0;
    for (int64_t const i : input.iterations[step]) {
        if (double const t = time(i); std::isfinite(t)) samples.push_back({pass, t});
        ++pass;
    }
    return samples;
}

Estimate estimate_step_time(SummaryInput const& input) {
    return sum_of_medians(times_of_steps(input), 1 / static_cast<double>(input.steps));
}

void summarise_steps(SummaryInput const& input, SummaryRows& rows) {
    auto const medians = step_medians(input.record, input.iterations);
    double tokens = 0, seconds = 0;
    for (std::size_t s = 0; s < medians.size(); ++s) {
        if (!std::isfinite(medians[s])) continue;
        tokens += static_cast<double>(input.record.step_tokens[s]);
        seconds += medians[s];
    }
    int64_t const n = input.measured;
    auto const& step_time = input.estimate.interval;
    double const tokens_of_step = tokens / static_cast<double>(input.steps);
    rows.add("throughput", seconds > 0 ? tokens / seconds : nan, "token/s", n,
             "sum of the steps' tokens / sum of the steps' median iteration times, over the steps "
             "that were measured; iteration time = latest end - earliest agreed start over ranks",
             {tokens_of_step / step_time.high, tokens_of_step / step_time.low});
    rows.add("step_time", input.step_time, "s", n,
             "mean over steps of the step's median iteration time", step_time);

    // Fewer than 59 (299) independent samples leave over 5 % chance that none lies above the 95th
    // (99th) percentile: 0.95^59 and 0.99^299 are the first powers below 5 %.
    struct Quantile {
        char const* name;
        double p;
        int64_t needs;
    };
    auto const times = all_times(input);
    double const n_eff = effective_iterations(input);
    for (auto const& q : {Quantile{"min", 0, 1}, Quantile{"p50", 0.5, 1}, Quantile{"p95", 0.95, 59},
                          Quantile{"p99", 0.99, 299}, Quantile{"max", 1, 1}}) {
        bool const enough = n_eff >= static_cast<double>(q.needs);
        rows.add(fmt::format("step_time_{}", q.name), enough ? quantile(times, q.p) : nan, "s", n,
                 fmt::format("{} of all measured iterations' times, every step alike (needs "
                             "iterations_n_eff >= {})",
                             q.name, q.needs),
                 q.p == 0.5 ? pooled_interval(input) : Interval{});
    }
}

void summarise_spread(SummaryInput const& input, SummaryRows& rows) {
    if (input.measured == 0) return;
    int64_t const n = input.measured;
    auto const& estimate = input.estimate;
    auto const passes = static_cast<int64_t>(std::llround(estimate.n_eff * estimate.tau));
    rows.add("n_eff", estimate.n_eff, "1", passes,
             "whole measured passes / autocorrelation_time: as many independent passes would tell "
             "as much about step_time; under 6 there are no intervals");
    rows.add("autocorrelation_time", estimate.tau, "1", passes,
             "1 + 2 x the sum of the autocorrelations of the passes' times, in passes (Geyer 1992, "
             "initial monotone sequence); 1 where the first is within noise");
    rows.add("iterations_n_eff", effective_iterations(input), "1", n,
             "measured iterations / the autocorrelation time of (time / median of its step)");

    std::vector<std::vector<double>> times;
    for (auto const& of_step : input.iterations) {
        times.emplace_back();
        for (int64_t const i : of_step) times.back().push_back(iteration_time(input.record, i));
    }
    auto const spread = spread_of_run(times);
    rows.add("step_time_sd_within", spread.within_steps, "1", n,
             "relative standard deviation of the repetitions of a step, pooled over steps");
    rows.add("step_time_sd_between", spread.between_steps, "1", input.steps,
             "relative standard deviation between steps' means, that of repetitions taken off");
}

}  // namespace epsim
