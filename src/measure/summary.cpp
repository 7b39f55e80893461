#include "measure/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/link_health.hpp"
#include "measure/run_check.hpp"
#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void SummaryRows::add(std::string metric, double value, std::string unit, int64_t n,
                      std::string description, Interval interval) {
    rows_.push_back({std::move(metric), value, std::move(unit), interval.low, interval.high, n,
                     std::move(description)});
}

std::vector<double> step_medians(RunRecord const& record, IterationsOfStep const& iterations) {
    std::vector<double> medians;
    for (auto const& of_step : iterations) {
        std::vector<double> times;
        for (int64_t const i : of_step) times.push_back(iteration_time(record, i));
        medians.push_back(median(times));
    }
    return medians;
}

std::vector<SummaryRow> summarise(RunRecord const& record) {
    check_run(record);
    SummaryRows rows;
    if (is_pair_map(record)) {
        summarise_pairs(record, rows);
        return rows.take();
    }
    SummaryInput input{record, measured_iterations(record), 0, 0, nan, {}, {}};
    for (auto const& of_step : input.iterations) {
        input.measured += std::ssize(of_step);
        input.steps += !of_step.empty();
    }
    auto medians = step_medians(record, input.iterations);
    std::erase_if(medians, [](double t) { return std::isnan(t); });
    input.step_time = mean(medians);
    input.estimate = estimate_step_time(input);
    input.slowest_p50 = phase_quantiles(input.iterations, static_cast<int64_t>(record.layer.size()),
                                        slowest_rank(record), 0.5);
    summarise_steps(input, rows);
    summarise_spread(input, rows);
    summarise_phases(input, rows);
    summarise_critical(input, rows);
    summarise_overlap(input, rows);
    summarise_rebalancing(input, rows);
    summarise_rates(input, rows);
    summarise_bounds(input, rows);
    summarise_load(record, rows);
    summarise_gate(record, rows);
    summarise_traffic(record, rows);
    summarise_slowdown(record, rows);
    return rows.take();
}

double summary_value(std::vector<SummaryRow> const& rows, std::string_view metric) {
    auto const row = std::ranges::find(rows, metric, &SummaryRow::metric);
    return row == rows.end() ? nan : row->value;
}

}  // namespace epsim
