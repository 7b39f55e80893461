#include "measure/launches.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "measure/statistics.hpp"
#include "measure/student_t.hpp"

namespace epsim {
namespace {

/// Empty where there is no spread to be had.
std::vector<double> logarithms(std::span<double const> figures) {
    std::vector<double> logs;
    if (figures.size() < 2) return logs;
    for (double const figure : figures) {
        if (!(figure > 0) || !std::isfinite(figure)) return {};
        logs.push_back(std::log(figure));
    }
    return logs;
}

}  // namespace

Interval interval_of_launches(std::span<double const> per_launch, double level) {
    check(level > 0 && level < 1, "a confidence level lies in (0, 1)");
    auto const logs = logarithms(per_launch);
    if (logs.empty()) return {};
    auto const n = static_cast<double>(logs.size());
    double const t = student_t_quantile((1 + level) / 2, n - 1);
    double const half = t * std::sqrt(variance(logs) / n);
    double const middle = mean(logs);
    return {std::exp(middle - half), std::exp(middle + half)};
}

double spread_of_launches(std::span<double const> per_launch,
                          std::span<double const> relative_error) {
    check(per_launch.size() == relative_error.size(), "each launch has an error");
    auto const logs = logarithms(per_launch);
    if (logs.empty()) return std::nan("");
    double within = 0;
    for (double const error : relative_error) within += error * error;
    within /= static_cast<double>(relative_error.size());
    double const between = variance(logs) - within;
    return between < 0 ? 0 : std::sqrt(between);  // NaN if an error is
}

}  // namespace epsim
