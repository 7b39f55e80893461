#pragma once

#include <cstdint>
#include <span>

#include "gate/gate_draws.hpp"
#include "gate/logits.hpp"

namespace epsim {

// Gates of which training is random. Draws depend on the token, not on its place in the batch.
// \param tokens [T] numbers of the tokens in their step

/// Switch Transformer (Fedus et al. 2022): the one expert with the largest p = softmax(x), weight
/// p. Its capacity is CapacityPolicy::switch_transformer, its jitter below.
RoutingBatch switch_gate(Logits const& logits);

/// x_i U(1 - epsilon, 1 + epsilon), drawn for each element of a token's hidden vector (not of its
/// logits): flaxformer's router_jitter, training only; epsilon 0.01.
void jitter_input(std::span<float> hidden, double epsilon, GateDraws const& draws, int64_t token);

/// GShard top-2 as FastMoE has it (gshard_gate.py): weights g1, g2 = softmax of the two largest x;
/// the second expert is kept with probability min(1, 2 g2), else no_expert. Needs two experts.
RoutingBatch gshard_gate(Logits const& logits, GateDraws const& draws,
                         std::span<int64_t const> tokens);

/// GShard top-2 as DeepSpeed (sharded_moe.py, top2gating) and FairScale (top2gate.py) have it: the
/// second expert is a sample of the softmax over the others, by the largest x + Gumbel noise;
/// weights p1, p2 over p1 + p2.
RoutingBatch sampled_top2_gate(Logits const& logits, GateDraws const& draws,
                               std::span<int64_t const> tokens);

/// Noisy top-k (Shazeer et al. 2017, eq. 3 to 5): H = x + N(0, 1) (softplus(n) + 1e-2), the k
/// largest H, weighed by their softmax. \param noise n = W_n h, as the logits
RoutingBatch noisy_top_k_gate(Logits const& logits, Logits const& noise, int k,
                              GateDraws const& draws, std::span<int64_t const> tokens);

/// Phi-3.5-MoE (modeling_phimoe.py, sparsemixer; inference): one expert at a time, the largest x of
/// those left; its weight is its softmax over those left within a band below it:
/// (max - x) / max(|x|, max) <= 2 epsilon. Not renormalised; epsilon 0.01, k = 2 in the model.
RoutingBatch sparsemixer_gate(Logits const& logits, int k, double epsilon);

}  // namespace epsim
