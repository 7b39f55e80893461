#pragma once

#include <cstdint>
#include <string>

namespace epsim {

/// [routing]: where the routing comes from. Exactly one of `trace` and `generator`.
struct RoutingOptions {
    std::string trace = {};      ///< path of an epsim-trace HDF5 file
    std::string generator = {};  ///< a name of generator_names()

    // How popular experts are.
    double zipf_s = 1;              ///< zipf: exponent
    double power_law_alpha = 1.01;  ///< power-law: exponent of the density of weights
    double power_law_range = 1000;  ///< power-law: largest weight / smallest
    double sigma = 1;               ///< log-normal: standard deviation of the log weights
    double max_vio = 0;             ///< log-normal: solve sigma for this MaxVio; 0 = sigma
    double dirichlet_alpha = 0.5;   ///< dirichlet: concentration
    int hot_experts = 1;            ///< hot, spread-hot: how many
    double hot_share = 0.5;         ///< hot, hot-rank, spread-hot: their share of assignments
    int hot_rank = 0;               ///< hot-rank: of the declared sources
    std::string fit = {};           ///< fit: the file that `epsim trace fit` wrote

    // How that changes from step to step.
    int64_t rotate_every = 0;  ///< steps after which popularity moves on to the next experts
    double drift = 0;          ///< standard deviation of the log weights' random walk, a step
    int64_t burst_every = 0;   ///< steps from burst to burst; 0 = none
    int64_t burst_length = 1;  ///< steps of a burst
    int burst_experts = 1;     ///< that a burst favours, others each time
    double burst_factor = 10;  ///< of their weights

    // What tokens share.
    double affinity = 0;           ///< share of tokens that follow their source's own favourites
    double reuse = 0;              ///< probability that an expert's noise stays for the next token
    double layer_correlation = 0;  ///< the same for the next layer
    int groups = 1;                ///< of experts, contiguous
    int groups_kept = 1;           ///< groups that a token may choose from

    int sources = 1;        ///< declared sources of a generator
    double ragged = 0;      ///< standard deviation of the logarithm of the sources' tokens
    int empty_source = -1;  ///< a source without tokens; -1 = none
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
