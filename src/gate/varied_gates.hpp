#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gate/logits.hpp"
#include "gate/scores.hpp"

namespace epsim {

/// Adaptive k (top-p; Huang et al. 2024, "Harder tasks need more experts"): the fewest experts,
/// best first, whose p = softmax(x) sum to at least `share`, at most k_max; weights p. What a token
/// does not use of its k_max choices is no_expert.
RoutingBatch top_p_gate(Logits const& logits, int k_max, double share);

/// Dense mixture (Jacobs et al. 1991): every expert, weights p = softmax(x), the largest first.
RoutingBatch dense_gate(Logits const& logits);

/// A tree of two levels (Shazeer et al. 2017, appendix B): softmax over the k_groups largest group
/// logits; in each of these groups softmax over its k_inside largest logits; weights are products.
/// Choices by group, best first, then inside, best first.
/// \param groups [tokens, number of groups], which divides the number of experts
RoutingBatch hierarchical_gate(Logits const& groups, Logits const& experts, int k_groups,
                               int k_inside);

/// Group logits that make the tree of all groups and experts the plain softmax: the log-sum-exp of
/// each group's logits. [tokens, groups]
std::vector<float> group_logits(Logits const& experts, int groups);

/// Hash routing (Roller et al. 2021): the experts that a fixed table gives for the token's id.
/// Weights: scores s of these experts over their sum (DeepSeek-V4, `tid2eid`).
/// \param chosen [tokens, k] rows of the table
RoutingBatch hash_gate(Logits const& logits, Score score, std::span<ExpertId const> chosen, int k);

/// A row of a random table: k distinct experts for a token id, any as likely as another; a function
/// of (seed, layer, id) only.
std::vector<ExpertId> table_row(uint64_t seed, LayerId layer, int64_t token_id, int experts, int k);

}  // namespace epsim
