#pragma once

#include <cstdint>
#include <string>

namespace epsim {

/// [routing]: where the routing comes from. Exactly one of `trace` and `generator`.
struct RoutingOptions {
    std::string trace;      ///< path of an epsim-trace HDF5 file
    std::string generator;  ///< uniform | zipf
    double zipf_s = 1;      ///< Zipf exponent
    int sources = 1;        ///< declared sources of a generator
    int layers = 0;         ///< layers that a generator makes; 0 = the model's moe_layers
    uint64_t seed = 1;      ///< of generators, token vectors, weights and samples
};

/// [tokens]: which tokens make a step and which rank each starts on.
struct TokenOptions {
    std::string assign = "auto";  ///< auto | recorded | sequence | contiguous | round-robin
    int64_t per_step = 0;         ///< global; 0 = as recorded (a generator: per_rank x sources)
    int64_t per_rank = 0;         ///< feeds generators only
    int64_t steps = 0;            ///< steps to replay, from the first; 0 = all (a generator: 1)
    bool split_sources = false;   ///< allow more ranks than recorded sources
};

}  // namespace epsim
