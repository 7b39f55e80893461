#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Sums over all tokens of one layer.
struct LayerCounts {
    std::vector<int64_t> expert_tokens;  ///< [E] assignments
    int64_t reused = 0;                  ///< experts of a token that its predecessor chose too
    int64_t followed = 0;                ///< experts of tokens that have a predecessor

    /// Adjacent-token reuse: reused / followed; NaN if no token has a predecessor. The predecessor
    /// is the token before in the same sequence, or in the same step if no sequences are known.
    double reuse() const noexcept;
};

/// Told of the assignments that each expert gets, [E], in one step.
using StepCounts = std::function<void(StepId step, std::span<int64_t const> expert_tokens)>;
/// Told of all tokens of a layer, in order, in pieces.
using TokenPieces = std::function<void(RoutingBatch const& piece)>;

/// Read one layer once, a piece at a time: memory is that of the result. Either may be left out.
LayerCounts count_layer(RoutingSource const& source, LayerId layer, StepCounts const& step_counts,
                        TokenPieces const& pieces = {});

/// All layers. [L]
std::vector<LayerCounts> count_trace(RoutingSource const& source);

}  // namespace epsim
