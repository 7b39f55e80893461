#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/rng.hpp"

namespace epsim {

/// Natural logarithm of a Gamma(alpha, 1) variate, the item-th of array (a, 0): finite for any
/// alpha > 0. Marsaglia and Tsang, ACM TOMS 26, 2000; for alpha < 1 Gamma(alpha + 1) U^(1 / alpha).
inline double log_gamma_draw(double alpha, CounterRng const& rng, uint32_t a, uint32_t item) {
    double const shape = alpha < 1 ? alpha + 1 : alpha;
    double const d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (uint64_t attempt = 0;; ++attempt) {  // accepts 95 % and more
        uint64_t const at = attempt << 32 | uint64_t{item} << 1;
        auto const u = rng.words(a, 0, at), w = rng.words(a, 0, at | 1);
        double const radius = std::sqrt(-2 * std::log(uniform01_open(u[0], u[1])));
        double const x = radius * std::cos(2 * std::numbers::pi * uniform01_open(u[2], u[3]));
        double const v = std::pow(1 + c * x, 3);
        if (v <= 0) continue;
        if (std::log(uniform01_open(w[0], w[1])) >= x * x / 2 + d - d * v + d * std::log(v))
            continue;
        double const log_draw = std::log(d * v);
        return alpha < 1 ? log_draw + std::log(uniform01_open(w[2], w[3])) / alpha : log_draw;
    }
}

}  // namespace epsim
