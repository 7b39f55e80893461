#include "measure/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double mean(std::span<double const> samples) {
    double sum = 0;
    for (double const x : samples) sum += x;
    return samples.empty() ? nan : sum / static_cast<double>(samples.size());
}

double variance(std::span<double const> samples) {
    if (samples.size() < 2) return nan;
    double const middle = mean(samples);
    double squares = 0;
    for (double const x : samples) squares += (x - middle) * (x - middle);
    return squares / static_cast<double>(samples.size() - 1);
}

double quantile(std::span<double const> samples, double p) {
    check(p >= 0 && p <= 1, "a quantile's p lies in [0, 1]");
    if (samples.empty()) return nan;
    std::vector<double> sorted(samples.begin(), samples.end());
    std::ranges::sort(sorted);
    double const at = p * static_cast<double>(sorted.size() - 1);
    auto const below = static_cast<std::size_t>(at);
    auto const above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

double median(std::span<double const> samples) {
    return quantile(samples, 0.5);
}

}  // namespace epsim
