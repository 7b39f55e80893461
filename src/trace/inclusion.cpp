#include "trace/inclusion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace epsim {
namespace {

constexpr std::size_t most_exact_size = std::size_t{1} << 20;  // n k: takes 0.2 s

/// P(fewer than `draws` items, but this one, have come by t).
double fewer_than(std::span<double const> share, std::size_t but, std::size_t draws, double t) {
    std::vector<double> p(draws);  // [draws] P(so many have come)
    p[0] = 1;
    for (std::size_t i = 0; i < share.size(); ++i) {
        if (i == but) continue;
        double const here = -std::expm1(-share[i] * t);
        for (std::size_t c = draws - 1; c > 0; --c) p[c] += (p[c - 1] - p[c]) * here;
        p[0] -= p[0] * here;
    }
    double sum = 0;
    for (double const q : p) sum += q;
    return sum;
}

double expected_items(std::span<double const> share, double t) {
    double sum = 0;
    for (double const p : share) sum -= std::expm1(-p * t);
    return sum;
}

}  // namespace

std::vector<double> shares(std::span<double const> log_weight) {
    double const top = *std::ranges::max_element(log_weight);
    std::vector<double> share;
    double sum = 0;
    for (double const l : log_weight) sum += share.emplace_back(std::exp(l - top));
    for (double& w : share) w /= sum;
    return share;
}

double exposure(std::span<double const> share, int draws) {
    double low = 0, high = draws;
    while (expected_items(share, high) < draws) {
        low = high;
        high *= 2;
        if (high > 1e300) return std::numeric_limits<double>::infinity();
    }
    while (high - low > 1e-12 * high) {
        double const middle = std::midpoint(low, high);
        (expected_items(share, middle) < draws ? low : high) = middle;
    }
    return high;
}

double inclusion(std::span<double const> share, std::size_t item, int draws) {
    double const p = share[item];
    if (draws == static_cast<int>(share.size())) return 1;
    if (draws == 1) return p;
    double const usual = exposure(share, draws);
    if (share.size() * static_cast<std::size_t>(draws) > most_exact_size)
        return -std::expm1(-p * usual);
    // The density of ln t is share t exp(-share t); the others decide about t near the exposure.
    constexpr double step = 0.1;
    double const first = std::log(std::min(1 / p, usual)) - 12;
    double const last = std::log(std::min(40 / p, 400 * usual));
    double sum = 0;
    for (double x = first; x < last; x += step) {
        double const t = std::exp(x);
        sum +=
            p * t * std::exp(-p * t) * fewer_than(share, item, static_cast<std::size_t>(draws), t);
    }
    return sum * step;
}

}  // namespace epsim
