#pragma once

#include <cstdint>
#include <span>

#include "trace/fit_tokens.hpp"
#include "trace/sequence_subset.hpp"

namespace epsim {

/// What a trace's experts are chosen by, beyond chance.
struct Differences {
    bool by_source = false;  ///< affinity: sources differ in the same step
    bool by_step =
        false;  ///< drift, bursts: steps, or the two halves of them, differ in the same source
};

/// A permutation test for each: a difference is sum_groups 1/2 sum_positions |c - n p|, c a group's
/// counts, n its tokens, p the trace's shares; it is beyond chance if it is larger than after every
/// one of 499 deals of the stretches' sources within their steps, or of the steps within their
/// sources. Without any, sources are taken to differ in 0.2 % of traces, steps in 0.4 % at most.
/// Looks at `most_layers` layers, evenly spaced.
/// \param stretches of the table's tokens
Differences differences(TokenTable const& table, std::span<Stretch const> stretches, int64_t steps,
                        uint64_t seed);

}  // namespace epsim
