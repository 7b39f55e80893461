#include "measure/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/run_check.hpp"
#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double mean_of_finite(std::span<double const> values) {
    double sum = 0;
    int64_t n = 0;
    for (double const x : values)
        if (std::isfinite(x)) sum += x, ++n;
    return n == 0 ? nan : sum / static_cast<double>(n);
}

}  // namespace

void SummaryRows::add(std::string metric, double value, std::string unit, int64_t n,
                      std::string description) {
    rows_.push_back(
        {std::move(metric), value, std::move(unit), nan, nan, n, std::move(description)});
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
    SummaryInput input{record, measured_iterations(record), 0, nan, {}};
    for (auto const& of_step : input.iterations)
        input.measured += static_cast<int64_t>(of_step.size());
    input.step_time = mean_of_finite(step_medians(record, input.iterations));
    input.slowest_p50 = phase_quantiles(input.iterations, static_cast<int64_t>(record.layer.size()),
                                        slowest_rank(record), 0.5);
    SummaryRows rows;
    summarise_steps(input, rows);
    summarise_phases(input, rows);
    summarise_critical(input, rows);
    summarise_rates(input, rows);
    summarise_bounds(input, rows);
    summarise_load(record, rows);
    summarise_traffic(record, rows);
    return rows.take();
}

double summary_value(std::vector<SummaryRow> const& rows, std::string_view metric) {
    auto const row = std::ranges::find(rows, metric, &SummaryRow::metric);
    return row == rows.end() ? nan : row->value;
}

}  // namespace epsim
