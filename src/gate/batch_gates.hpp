#pragma once

#include <cstdint>
#include <span>

#include "gate/logits.hpp"
#include "gate/selection.hpp"

namespace epsim {

// Gates that look at all tokens of a step at once. Every rank calls them with its own tokens; the
// result is the same whatever the number of ranks.
// \param tokens [T] numbers of the tokens in their step   \param step_tokens of all ranks

/// Expert choice (Zhou et al. 2022): each expert takes the C = ceil(T k / E) tokens that like it
/// most, p = softmax(x) over experts, of equal ones the lowest token; weights p. A token has up to
/// most_choices experts (the largest p; E = all that chose it), may have none, and which it gets
/// depends on tokens that come after it: in decoding, that breaks causality.
RoutingBatch expert_choice_gate(Logits const& logits, int k, int most_choices,
                                std::span<int64_t const> tokens, int64_t step_tokens,
                                SumOverRanks const& sum);

/// Sinkhorn (S-BASE, Clark et al. 2022; Megatron-Core, moe_utils.py, sinkhorn): d0 = 1 / (T (C d1
/// + 1e-8)), d1 = 1 / (E (C' d0 + 1e-8)) for C = exp(x), until the mean change of d1 is at most
/// 1e-4 (at most 1000 rounds); the k largest d1 C of each token, weighed by sigmoid(x) if k = 1,
/// else by softmax(x). Column sums are in fixed point (2^-34), so that any order gives the same.
RoutingBatch sinkhorn_gate(Logits const& logits, int k, int64_t step_tokens,
                           SumOverRanks const& sum);

}  // namespace epsim
