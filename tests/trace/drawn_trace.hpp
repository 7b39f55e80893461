#pragma once

#include <memory>
#include <random>

#include "trace/generator.hpp"

namespace epsim {

inline int drawn(std::mt19937& random, int low, int high) {
    return std::uniform_int_distribution(low, high)(random);
}

inline double drawn(std::mt19937& random, double low, double high) {
    return std::uniform_real_distribution(low, high)(random);
}

/// What a trace is drawn with.
struct Case {
    int experts, top_k, layers;
    RoutingOptions routing;
    TokenOptions tokens;

    std::unique_ptr<RoutingSource> trace() const {
        return make_generator(routing, tokens, experts, top_k, layers);
    }
};

/// Without affinity, drift, bursts and reuse.
inline Case plain(std::mt19937& random) {
    int const sources = drawn(random, 2, 5);
    return {drawn(random, 17, 40),
            drawn(random, 2, 4),
            drawn(random, 1, 3),
            {.generator = "zipf", .zipf_s = 0.8, .sources = sources, .seed = random()},
            {.per_step = sources * drawn(random, 200, 260), .steps = drawn(random, 8, 13)}};
}

inline void add_affinity(Case& c, std::mt19937& random) {
    c.routing.affinity = drawn(random, 0.3, 0.9);
}

inline void add_drift(Case& c, std::mt19937& random) {
    c.routing.drift = drawn(random, 0.2, 0.4);
}

inline void add_bursts(Case& c, std::mt19937& random) {
    c.routing.burst_every = drawn(random, 3, 4);
    c.routing.burst_experts = drawn(random, 1, 3);
    c.routing.burst_factor = drawn(random, 20.0, 40.0);
}

}  // namespace epsim
