#include "measure/autocorrelation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace epsim {
namespace {

constexpr std::size_t most_lags = 2000;

double lagged_product(std::span<double const> x, std::size_t lag) {
    return std::inner_product(x.begin(), x.end() - static_cast<std::ptrdiff_t>(lag),
                              x.begin() + static_cast<std::ptrdiff_t>(lag), 0.0);
}

/// The samples minus their mean; empty if all are equal.
std::vector<double> centred(std::span<double const> samples) {
    auto const [least, most] = std::ranges::minmax(samples);
    if (least == most) return {};
    double const mean =
        std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
    std::vector<double> x(samples.begin(), samples.end());
    for (double& v : x) v -= mean;
    return x;
}

}  // namespace

double autocorrelation_time(std::span<double const> samples) {
    if (samples.size() < 3) return 1;
    auto const x = centred(samples);
    if (x.empty()) return 1;
    auto const n = static_cast<double>(x.size());
    double const variance = lagged_product(x, 0);
    double const first = lagged_product(x, 1) / variance;
    if (!(first > 1.645 / std::sqrt(n) - 1 / n)) return 1;

    double tau = 2 * (1 + first) - 1, before = 1 + first;
    std::size_t const end = std::min(x.size() - 1, most_lags);
    for (std::size_t lag = 2; lag + 1 <= end; lag += 2) {
        double const pair = (lagged_product(x, lag) + lagged_product(x, lag + 1)) / variance;
        if (!(pair > 0)) break;
        before = std::min(before, pair);
        tau += 2 * before;
    }
    return std::clamp(tau, 1.0, n);
}

double effective_count(std::span<double const> samples) {
    return static_cast<double>(samples.size()) / autocorrelation_time(samples);
}

}  // namespace epsim
