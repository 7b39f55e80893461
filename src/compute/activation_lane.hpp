#pragma once

#include <cstdint>

#include "compute/activation.hpp"
#include "rows/gpu_work.hpp"

namespace epsim::gpu {

/// What one GPU thread does of an activation: columns [column, column + 8) of an activated row.
/// \param projected [gated ? 2 inner : inner] the gate's outputs first
/// \param words that inner is a multiple of 8, and all rows are aligned to 16 bytes
template <Activation A, class In, class Out>
EPSIM_HOST_DEVICE inline void activate_lane(In const* projected, int64_t inner, int64_t column,
                                            bool words, Out* out) noexcept {
    float g[lane] = {}, u[lane];
    if constexpr (is_gated(A)) load_lane(projected, column, inner, words, g);
    load_lane(is_gated(A) ? projected + inner : projected, column, inner, words, u);
    for (int64_t j = 0; j < lane; ++j) u[j] = activate<A>(g[j], u[j]);
    store_lane(u, column, inner, words, out);
}

}  // namespace epsim::gpu
