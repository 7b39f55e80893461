#pragma once

#include <cstdint>
#include <span>

#include "gate/logits.hpp"
#include "gate/scores.hpp"
#include "model/model_shape.hpp"

namespace epsim {

// Gates that choose each token's k best experts: [tokens, k], best first, of equal ones the lowest
// expert. k = 1 .. experts. All throw InputError on logits that are not finite.

/// What becomes of the chosen experts' scores s: s, or s / sum of the chosen s; times route_scale.
struct Weighing {
    bool renormalise = false;
    double route_scale = 1;
};

/// `pre`: p = softmax(x), the k largest p, weighed by p. Mixtral, Qwen-MoE (renormalised),
/// DeepSeek-V2 (not).
RoutingBatch softmax_gate(Logits const& logits, int k, Weighing weighing);

/// `post`: the k largest x, weighed by the softmax of these k: equals `pre` renormalised.
/// Megatron-Core, moe_utils.py (topk_routing_with_score_function); gpt-oss.
RoutingBatch topk_softmax_gate(Logits const& logits, int k, double route_scale = 1);

/// Which groups of experts a token may use: of `groups` of equal size the `kept` best, ranked by
/// `score`. DeepSeek-V2 ranks by `max`, V3 by `top2_sum` (inference/model.py, Gate).
struct GroupLimit {
    int groups = 1, kept = 1;
    GroupScore score = GroupScore::none;
};

/// s = score(x); chosen by s + bias, weighed by s: the bias never enters a weight. sigmoid:
/// DeepSeek-V3 (inference/model.py, Gate); sqrt_softplus: DeepSeek-V4; softmax: ERNIE-4.5.
/// With several groups only the experts of a token's best groups take part; of groups with equal
/// scores the lowest is better.
/// \param bias [experts]; empty = none
RoutingBatch biased_gate(Logits const& logits, int k, Score score, std::span<float const> bias,
                         Weighing weighing, GroupLimit groups = {});

/// Auxiliary-loss-free balancing (Wang et al. 2024, algorithm 1), once a global batch:
/// b_i += rate sign(mean(c) - c_i).
/// \param counts [experts] assignments of all ranks' tokens   \param bias [experts]
void update_bias(std::span<int64_t const> counts, double rate, std::span<float> bias);

}  // namespace epsim
