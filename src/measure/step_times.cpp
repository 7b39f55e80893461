#include "measure/step_times.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/statistics.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double earliest_start(RunRecord const& record, int64_t iteration) {
    double first = std::numeric_limits<double>::infinity();
    for (int64_t r = 0; r < record.step_start.extent(1); ++r)
        first = std::min(first, record.step_start(iteration, r));
    return first;
}

double interval(RunRecord const& record, int64_t iteration, int64_t layer, Phase phase,
                int64_t rank) {
    if (record.time_start.empty()) return nan;
    auto const p = static_cast<int64_t>(phase);
    return record.time_end(iteration, layer, p, rank) -
           record.time_start(iteration, layer, p, rank);
}

double wait(RunRecord const& record, int64_t iteration, int64_t layer, Phase phase, int64_t rank) {
    if (record.time_wait.empty() || std::isnan(interval(record, iteration, layer, phase, rank)))
        return nan;
    double const known = record.time_wait(iteration, layer, static_cast<int64_t>(phase), rank);
    return std::isnan(known) ? 0 : known;
}

/// Seconds of [phase's start, + length] before the iteration's start.
double before_start(RunRecord const& record, int64_t iteration, int64_t layer, Phase phase,
                    int64_t rank, double length) {
    double const start = record.time_start(iteration, layer, static_cast<int64_t>(phase), rank);
    return std::clamp(earliest_start(record, iteration) - start, 0.0, std::max(length, 0.0));
}

/// The first of all ranks' intervals in the order of `before`, absent ones left out.
template <class Before>
PhaseDuration extreme_rank(RunRecord const& record, Before before) {
    return [&record, before](int64_t iteration, int64_t layer, Phase phase) {
        double result = nan;
        for (int64_t r = 0; r < record.time_start.extent(3); ++r) {
            double const t = interval(record, iteration, layer, phase, r);
            if (std::isfinite(t) && (std::isnan(result) || before(t, result))) result = t;
        }
        return result;
    };
}

}  // namespace

double rank_time(RunRecord const& record, int64_t iteration, int64_t rank) {
    return record.step_end(iteration, rank) - earliest_start(record, iteration);
}

double iteration_time(RunRecord const& record, int64_t iteration) {
    double const start = earliest_start(record, iteration);
    double latest = -std::numeric_limits<double>::infinity();
    for (int64_t r = 0; r < record.step_end.extent(1); ++r) {
        double const end = record.step_end(iteration, r);
        if (!std::isfinite(end - record.step_start(iteration, r))) return nan;
        latest = std::max(latest, end);
    }
    return std::isfinite(latest) ? latest - start : nan;
}

IterationsOfStep measured_iterations(RunRecord const& record) {
    IterationsOfStep of_step(record.step.size());
    for (std::size_t i = 0; i < record.step_of.size(); ++i) {
        auto const iteration = static_cast<int64_t>(i);
        if (record.is_warmup[i] == 0 && std::isfinite(iteration_time(record, iteration)))
            of_step[static_cast<std::size_t>(record.step_of[i])].push_back(iteration);
    }
    return of_step;
}

PhaseDuration slowest_rank(RunRecord const& record) {
    return extreme_rank(record, std::greater<>{});
}

PhaseDuration fastest_rank(RunRecord const& record) {
    return extreme_rank(record, std::less<>{});
}

PhaseDuration any_rank(RunRecord const& record) {
    return [&record](int64_t iteration, int64_t layer, Phase phase) {
        auto const p = static_cast<int64_t>(phase);
        std::vector<std::pair<double, double>> stays;
        for (int64_t r = 0; r < record.time_start.extent(3); ++r)
            if (std::isfinite(interval(record, iteration, layer, phase, r)))
                stays.emplace_back(record.time_start(iteration, layer, p, r),
                                   record.time_end(iteration, layer, p, r));
        if (stays.empty()) return nan;
        std::ranges::sort(stays);
        double sum = 0, until = stays.front().first;
        for (auto const& [start, end] : stays) {
            sum += std::max(0.0, end - std::max(start, until));
            until = std::max(until, end);
        }
        return sum;
    };
}

PhaseDuration one_rank(RunRecord const& record, int64_t rank) {
    return [&record, rank](int64_t iteration, int64_t layer, Phase phase) {
        return interval(record, iteration, layer, phase, rank);
    };
}

PhaseDuration one_rank_inside(RunRecord const& record, int64_t rank) {
    return [&record, rank](int64_t iteration, int64_t layer, Phase phase) {
        double const t = interval(record, iteration, layer, phase, rank);
        return std::isnan(t) ? t : t - before_start(record, iteration, layer, phase, rank, t);
    };
}

PhaseDuration largest_wait(RunRecord const& record) {
    return [&record](int64_t iteration, int64_t layer, Phase phase) {
        double largest = nan;
        for (int64_t r = 0; r < record.time_wait.extent(3); ++r)
            largest = std::fmax(largest, wait(record, iteration, layer, phase, r));
        return largest;
    };
}

PhaseDuration wait_inside(RunRecord const& record, int64_t rank) {
    return [&record, rank](int64_t iteration, int64_t layer, Phase phase) {
        double const t = wait(record, iteration, layer, phase, rank);
        return std::isnan(t) ? t : t - before_start(record, iteration, layer, phase, rank, t);
    };
}

bool wait_is_known(RunRecord const& record, IterationsOfStep const& iterations, Phase phase,
                   int64_t first_rank, int64_t ranks) {
    if (record.time_wait.empty()) return false;
    auto const p = static_cast<int64_t>(phase);
    bool all = true;
    for (auto const& of_step : iterations)
        for (int64_t const i : of_step)
            for (int64_t l = 0; l < record.time_wait.extent(1); ++l)
                for (int64_t r = first_rank; r < first_rank + ranks; ++r) {
                    double const t = record.time_wait(i, l, p, r);
                    if (t > 0) return true;
                    all &= std::isfinite(t) || std::isnan(record.time_start(i, l, p, r));
                }
    return all;
}

Array<double, 3> phase_quantiles(IterationsOfStep const& iterations, int64_t layers,
                                 PhaseDuration const& duration, double p) {
    auto const steps = static_cast<int64_t>(iterations.size());
    Array<double, 3> result({steps, layers, static_cast<int64_t>(phase_count)}, nan);
    std::vector<double> samples;
    for (int64_t s = 0; s < steps; ++s)
        for (int64_t l = 0; l < layers; ++l)
            for (std::size_t phase = 0; phase < phase_count; ++phase) {
                samples.clear();
                for (int64_t const i : iterations[static_cast<std::size_t>(s)]) {
                    double const t = duration(i, l, static_cast<Phase>(phase));
                    if (std::isfinite(t)) samples.push_back(t);
                }
                result(s, l, phase) = quantile(samples, p);
            }
    return result;
}

double step_mean(Array<double, 3> const& durations, IterationsOfStep const& iterations,
                 Phase phase) {
    double sum = 0;
    int64_t steps = 0, present = 0;
    for (int64_t s = 0; s < durations.extent(0); ++s) {
        if (iterations[static_cast<std::size_t>(s)].empty()) continue;
        ++steps;
        for (int64_t l = 0; l < durations.extent(1); ++l) {
            double const t = durations(s, l, static_cast<int64_t>(phase));
            if (!std::isfinite(t)) continue;
            sum += t;
            ++present;
        }
    }
    return present == 0 ? nan : sum / static_cast<double>(steps);
}

}  // namespace epsim
