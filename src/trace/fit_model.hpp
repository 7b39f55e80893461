#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// What `epsim trace fit` learns of a trace, to make look-alikes of any length and number of
/// sources. Each token has a topic, the same in all layers, with its own popularity of experts
/// there: that is what co-activation and cross-layer transitions come from. A sequence goes through
/// topics: that is what neighbouring tokens share. Where sources differ (affinity) or steps do
/// (drift, bursts), by more than chance, theirs follow recorded sequences of their own.
struct FitModel {
    int num_experts = 0, top_k = 0, source_count = 1, steps = 1;
    std::vector<int32_t> layer;  ///< [L] the model's layer numbers
    double noise_stay = 0;       ///< RoutingOptions::reuse
    bool by_source = false;      ///< a source's sequences are of one recorded source, not of any
    bool by_step = false;        ///< a step's sequences are of one recorded step, not of any
    std::string model, source;   ///< texts of the trace

    /// Probability that a token of a topic chooses each expert. [topics][L][E], sums to top_k
    std::vector<std::vector<std::vector<double>>> choice;
    std::vector<std::vector<double>>
        bias;  ///< [L][E] added to the logarithms of all topics' weights

    struct Sequence {
        int32_t source, step;        ///< that it came from
        std::vector<int32_t> topic;  ///< of each token, at least one
    };
    std::vector<Sequence> sequence;  ///< at least one

    std::size_t topics() const noexcept { return choice.size(); }
};

/// \throws InputError if sizes do not agree or numbers are out of range, naming `path`
void validate(FitModel const& model, std::string const& path);

struct FitOptions {
    int topics = 0;  ///< 0 = one if all tokens are alike, else one for 32 tokens, at most 128
    uint64_t seed = 1;
};

/// Topics by hard expectation-maximisation of a mixture of products (of layers and experts, and of
/// source and step where differences() says so) over the tokens, 20 rounds from tokens drawn at
/// random; a topic's counts are smoothed by a quarter of a token's worth of the layer's popularity.
/// All tokens are alike if nothing differs and an eighth of the topics, fitted to every second
/// stretch, make the others less likely than one topic does. Sequences are stretches(). What
/// calibrated() sets is left at 0.
/// \throws InputError if there are no tokens, too many, or some have no experts
FitModel fit_topics(RoutingSource const& source, FitOptions const& options);

/// The model with a bias and noise_stay such that look-alikes have the trace's popularity of
/// experts in every layer and its adjacent-token reuse (mean over layers): the bias by multiplying
/// weights with what the loads lack, the other by bisection, in look-alikes of the trace's length.
FitModel calibrated(FitModel model, RoutingSource const& source, uint64_t seed);

}  // namespace epsim
