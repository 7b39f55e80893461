#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/ids.hpp"
#include "core/rng.hpp"

namespace epsim {

/// What a gate draws random numbers for: no two purposes share any.
enum class Draw : uint32_t { logits, jitter, noise, second, drop, reroute, table };

/// Random numbers of one layer's gate in one step: functions of (seed, step, layer, purpose, token,
/// i) only, whichever rank asks. Tokens below 2^28 (most_step_tokens).
class GateDraws {
public:
    GateDraws(uint64_t seed, StepId step, LayerId layer)
        : rng_(seed, RngStream::gate),
          step_(static_cast<uint32_t>(index(step))),
          layer_(static_cast<uint32_t>(index(layer))) {}

    uint32_t word(Draw purpose, int64_t token, uint32_t i) const {
        return block(purpose, token, i / 4)[i % 4];
    }
    /// Uniform in (0, 1), never its ends.
    double uniform(Draw purpose, int64_t token, uint32_t i) const {
        return to_uniform(word(purpose, token, i));
    }
    /// Standard normal.
    float normal(Draw purpose, int64_t token, uint32_t i) const {
        auto const w = block(purpose, token, i / 2);
        return i % 2 == 0 ? epsim::normal(w[0], w[1]) : epsim::normal(w[2], w[3]);
    }
    /// Standard Gumbel, -log(-log u): the largest of logits plus such noise is a sample of their
    /// softmax (Gumbel-max).
    double gumbel(Draw purpose, int64_t token, uint32_t i) const {
        return -std::log(-std::log(uniform(purpose, token, i)));
    }

private:
    PhiloxCounter block(Draw purpose, int64_t token, uint32_t i) const {
        return rng_.words(step_, layer_,
                          static_cast<uint64_t>(token) << 36 |
                              uint64_t{static_cast<uint32_t>(purpose)} << 32 | i);
    }
    static double to_uniform(uint32_t w) { return (static_cast<double>(w) + 0.5) * 0x1p-32; }

    CounterRng rng_;
    uint32_t step_, layer_;
};

}  // namespace epsim
