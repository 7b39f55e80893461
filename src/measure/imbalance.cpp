#include "measure/imbalance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace epsim {

Imbalance imbalance(std::span<int64_t const> loads) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    Imbalance result{nan, nan, nan, nan, nan, nan, nan, std::ranges::count(loads, 0)};
    auto const n = static_cast<double>(loads.size());
    double sum = 0;
    for (auto const x : loads) sum += static_cast<double>(x);
    if (sum <= 0) return result;

    std::vector<int64_t> sorted(loads.begin(), loads.end());
    std::ranges::sort(sorted);
    double const mean = sum / n;
    double squares = 0, entropy = 0, ranked = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        auto const x = static_cast<double>(sorted[i]);
        squares += (x - mean) * (x - mean);
        if (x > 0) entropy -= x / sum * std::log(x / sum);
        ranked += (2.0 * static_cast<double>(i + 1) - n - 1) * x;  // Gini from sorted loads
    }
    auto const max = static_cast<double>(sorted.back());
    result.max_over_mean = max / mean;
    result.max_violation = max / mean - 1;
    result.balancedness = mean / max;
    result.cv = std::sqrt(squares / n) / mean;
    result.gini = ranked / (n * sum);
    result.entropy = loads.size() == 1 ? 1.0 : entropy / std::log(n);
    result.busiest_share = max / sum;
    return result;
}

}  // namespace epsim
