#pragma once

#include <algorithm>
#include <cstdint>

#include "schedule/step_schedule.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// How a rank's tokens of a layer are split, and whether communication goes on beside computation.
struct Overlap {
    int chunks = 1;         ///< of a layer, in a pipeline of its own
    int micro_batches = 1;  ///< of a step, in a pipeline over its layers; then chunks = 1
    bool thread = false;    ///< communication runs on a thread of its own

    /// Parts of a rank's tokens, each with an exchange of its own.
    int parts() const noexcept { return std::max(chunks, micro_batches); }
    bool any() const noexcept { return parts() > 1; }
};

/// Part `part` of `parts` of this many tokens: contiguous, equal within one.
constexpr TokenRange part_of(int64_t tokens, int part, int parts) noexcept {
    return {tokens * part / parts, tokens * (part + 1) / parts};
}

}  // namespace epsim
