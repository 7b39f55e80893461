#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "trace/import_text.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// How often each expert was chosen, where nobody recorded by which token.
struct RoutingCounts {
    int num_experts = 0;
    std::vector<int32_t> layer;  ///< [L] the model's layer numbers
    int64_t steps = 0;
    int sources = 1;
    std::vector<int64_t> count;  ///< [steps, sources, L, E]
    std::optional<int> top_k;    ///< if it was recorded

    std::span<int64_t const> at(int64_t step, int source, std::size_t layer_position) const {
        auto const row = (step * sources + source) * static_cast<int64_t>(layer.size()) +
                         static_cast<int64_t>(layer_position);
        return std::span(count).subspan(static_cast<std::size_t>(row * num_experts),
                                        static_cast<std::size_t>(num_experts));
    }
};

/// Leave out the layers that no token chose an expert of (dense ones), and the steps without any.
/// \throws InputError if none are left
RoutingCounts without_empty(RoutingCounts const& counts);

/// Counts for about `tokens` tokens a step: shares stay, rounded by largest remainder.
RoutingCounts scaled_counts(RoutingCounts const& counts, int64_t tokens, int top_k);

/// Tokens with exactly these counts per step, source, layer and expert: `origin` is
/// "synthesised-from-counts". Which tokens choose an expert is random: a start that is valid
/// (experts laid out one after the other round all tokens, McNaughton 1959), then each choice is
/// exchanged with that of a random token three times over, unless a token would have an expert
/// twice (the switch chain, Kannan et al. 1999, whose limit is uniform over all such routings).
/// Layers are independent. A source has as many tokens as its fullest layer needs; in layers that
/// counted fewer choices some choices are none.
///
/// A function of (counts, top_k, seed) only. Not for use by several threads at once.
/// \throws InputError if an expert was chosen more often than there are tokens
std::unique_ptr<RoutingSource const> counted_source(RoutingCounts counts, int top_k, uint64_t seed,
                                                    ImportText text);

}  // namespace epsim
