#pragma once

#include <span>
#include <vector>

#include "gate/logits.hpp"

namespace epsim {

/// What a router makes of its logits x.
enum class Score {
    softmax,       ///< exp(x_i) / sum_j exp(x_j)
    sigmoid,       ///< 1 / (1 + exp(-x)): DeepSeek-V3
    sqrt_softplus  ///< sqrt(log(1 + exp(x))): DeepSeek-V4
};

/// Scores of one token. \param out [experts]; may be x
void score_row(Score score, std::span<float const> x, std::span<float> out);
/// [tokens, experts]
std::vector<float> score_all(Score score, Logits const& logits);

/// log sum_i exp(x_i) without overflow.
double log_sum_exp(std::span<float const> x);

}  // namespace epsim
