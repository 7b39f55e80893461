#pragma once

#include <cstdint>
#include <span>

#include "gate/logits.hpp"
#include "gate/options.hpp"
#include "gate/scores.hpp"
#include "gate/selection.hpp"
#include "model/model_shape.hpp"

namespace epsim {

/// A gate, ready to run.
struct GateRule {
    GateKind kind = GateKind::none;  ///< never `model`
    int experts = 0, top_k = 0;
    GateSpec spec;  ///< renormalise, route_scale, groups, score_bias
    GateOptions options;
    uint64_t seed = 1;

    /// Choices of a token in the gate's batches: top_k, but for gates of any number of experts.
    int choices() const noexcept;
    /// Scores that its weights are made of.
    Score score() const noexcept;
    /// Whether a bias is updated from step to step.
    bool has_bias() const noexcept;
};

/// \throws InputError if the model cannot have this gate: "problem (reason). What to do"
GateRule make_gate_rule(GateOptions const& options, ModelShape const& shape, uint64_t seed);

/// What capacity and overflow do, from the same options.
OverflowRule make_overflow_rule(GateOptions const& options, ModelShape const& shape);

/// What a gate sees of a step and layer on one rank.
struct GateInput {
    StepId step{0};
    LayerId layer{0};
    Logits logits;
    Logits noise = {};                       ///< of noisy_topk
    std::span<int64_t const> tokens = {};    ///< [T] numbers in the step
    std::span<int32_t const> token_id = {};  ///< [T] of hash
    int64_t step_tokens = 0;                 ///< over all ranks
    std::span<float const> bias = {};        ///< [E] if rule.has_bias()
};

/// Choose the experts: [T, rule.choices()]. Every rank must call it; only expert_choice and
/// sinkhorn
/// sum over ranks. \throws InputError on logits that are not finite
RoutingBatch run_gate(GateRule const& rule, GateInput const& input, SumOverRanks const& sum);

}  // namespace epsim
