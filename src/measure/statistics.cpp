#include "measure/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.hpp"

namespace epsim {

double quantile(std::span<double const> samples, double p) {
    check(p >= 0 && p <= 1, "a quantile's p lies in [0, 1]");
    if (samples.empty()) return std::numeric_limits<double>::quiet_NaN();
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
