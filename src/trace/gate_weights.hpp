#pragma once

#include <span>

#include "trace/routing.hpp"
#include "trace/token_words.hpp"

namespace epsim {

/// Blocks of a token's words that its gate weights take, from the first on.
constexpr uint32_t gate_weight_blocks(int top_k) noexcept {
    return (static_cast<uint32_t>(top_k) + 7) / 8;
}

/// Weights w_j = u_j + .. + u_k over their sum, u uniform in (0, 1], 16 bits: positive, descending,
/// they sum to 1.
/// \param weight [range.size(), top_k]
void draw_gate_weights(TokenWords const& words, TokenRange range, int top_k,
                       std::span<float> weight);

}  // namespace epsim
