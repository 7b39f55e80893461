#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Which tokens of a step come from which declared source: contiguous, in order. Even: token t of n
/// from source floor(t S / n). With `ragged` or `empty_source`: source s has a share of
/// exp(ragged N(0, 1)), `empty_source` none; what tokens are left over by rounding down go to the
/// sources with the largest remainders.
class SourceShares {
public:
    /// \param tokens of a step. \throws InputError on parameters out of range
    SourceShares(RoutingOptions const& routing, int64_t tokens);

    /// [S + 1] first token of each source, from the start of the step.
    std::span<int64_t const> offset() const noexcept { return offset_; }
    int32_t of(int64_t token) const noexcept;

private:
    std::vector<int64_t> offset_;
};

}  // namespace epsim
