#pragma once

#include "layer/layer_spec.hpp"

namespace epsim {

/// Largest relative error, per unit of the terms' summed magnitudes, that summing a token's results
/// in parts can add to summing them in fp32 at once: each stage rounds its sums to the combine type
/// (where experts are; where rows were forwarded by node), and fp32 sums are taken in another
/// order.
inline double sum_roundoff(LayerSpec const& spec) {
    int const stages = spec.dedup == Dedup::none ? 0 : spec.dedup == Dedup::rank ? 1 : 2;
    if (stages == 0) return 0;
    double const fp32 = 2 * (spec.shape.top_k + 1) * unit_roundoff(DType::f32);
    return 1.01 * (stages * unit_roundoff(spec.combine_dtype) + fp32);  // 1.01: products of errors
}

}  // namespace epsim
