#pragma once

#include "core/rng.hpp"
#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Standard Gumbel noise of (step, source, token of the source, layer, place) that stays for spans
/// of tokens and of layers: see score_sampler.
class ScoreNoise {
public:
    /// \throws InputError on parameters out of range
    explicit ScoreNoise(RoutingOptions const& routing);

    struct Where {
        StepId step;
        int32_t source;
        uint32_t place;
    };
    /// Where in a span of tokens the source's first token is, in [0, 1) of the span.
    double start(Where const& where) const noexcept;
    /// Which span of tokens one is in; noise changes only where this does.
    int64_t token_span(double start, int64_t token_of_source) const noexcept;
    double noise(Where const& where, int64_t token_span, LayerId layer) const noexcept;

private:
    CounterRng rng_;
    double tokens_, layers_;  // of a span
};

}  // namespace epsim
