#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace epsim {

/// The phases of a layer's step, in order. Each is one interval a rank, layer and iteration.
enum class Phase {
    gate,       ///< router: logits, top-k
    layout,     ///< local: the dispatch plan
    counts,     ///< collective: row counts and row metadata travel
    permute,    ///< local: rows into send order
    dispatch,   ///< collective: rows to the experts' ranks, the wire only
    expert,     ///< local: rows regrouped by slot, feed-forward networks
    combine,    ///< collective: rows back to their tokens' ranks, the wire only
    unpermute,  ///< local: weighted sum of each token's rows
    rebalance   ///< collective: experts' weights move
};
inline constexpr std::array<std::string_view, 9> phase_names{"gate",    "layout",    "counts",
                                                             "permute", "dispatch",  "expert",
                                                             "combine", "unpermute", "rebalance"};
inline constexpr std::size_t phase_count = phase_names.size();

constexpr std::string_view name_of(Phase phase) noexcept {
    return phase_names[static_cast<std::size_t>(phase)];
}

/// Whether ranks wait for each other in it.
constexpr bool is_collective(Phase phase) noexcept {
    return phase == Phase::counts || phase == Phase::dispatch || phase == Phase::combine ||
           phase == Phase::rebalance;
}

/// Which way rows travel between a token's rank and an expert's rank.
enum class Direction { dispatch, combine };
inline constexpr std::array<std::string_view, 2> direction_names{"dispatch", "combine"};
inline constexpr std::size_t direction_count = direction_names.size();

}  // namespace epsim
