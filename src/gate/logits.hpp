#pragma once

#include <cstdint>
#include <span>

#include "trace/routing.hpp"

namespace epsim {

/// A router's outputs for some tokens of one layer, by rows.
struct Logits {
    std::span<float const> value;  ///< [tokens, experts]
    int experts = 0;

    int64_t tokens() const noexcept {
        return experts == 0 ? 0 : static_cast<int64_t>(value.size()) / experts;
    }
    std::span<float const> row(int64_t token) const {
        auto const n = static_cast<std::size_t>(experts);
        return value.subspan(static_cast<std::size_t>(token) * n, n);
    }
};

/// \throws InputError unless all are finite, naming the first token and expert whose logit is not
/// \param tokens [tokens] their numbers, for the message; empty = from 0
void check_finite(Logits const& logits, std::span<int64_t const> tokens = {});

/// [tokens, choices] without any expert yet, weights 0: what a gate fills.
/// \throws InputError unless all logits are finite and 1 <= choices <= experts
RoutingBatch start_batch(Logits const& logits, int choices);

/// Put a token's next choice. \param choice position among the token's
inline void choose(RoutingBatch& batch, int64_t token, int choice, int expert, float weight) {
    auto const at = static_cast<std::size_t>(token * batch.top_k + choice);
    batch.expert[at] = ExpertId{expert};
    batch.weight[at] = weight;
}

}  // namespace epsim
