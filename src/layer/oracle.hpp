#pragma once

#include <span>
#include <vector>

#include "core/heartbeat.hpp"
#include "layer/layer_spec.hpp"
#include "measure/rounding_error.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// What a layer must return for some tokens, and how far a right implementation may be from it.
struct OracleOutput {
    std::vector<double> value;  ///< [tokens, hidden]
    std::vector<double> bound;  ///< [tokens, hidden] largest |difference| that rounding explains
    RoundingError dispatch;     ///< of vectors as experts get them
    RoundingError combine;      ///< of experts' outputs, by the type in which they return
};

/// The layer's outputs computed from the definition: no messages, no permutation, no kernel of the
/// project, fp64 accumulation, weights drawn anew from the counter RNG.
///
/// The bound follows each rounding (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd
/// ed., section 3.1: an n-term fp32 sum errs by at most gamma_n = n u / (1 - n u) times the sum of
/// magnitudes, in any order): dot products in fp32 at worst, the activation by its Lipschitz
/// constants, one rounding of the activated value to the model's type, of the expert's output to
/// the combine type, of partial sums to it (dedup), of the weighted sum to the model's type. What
/// the wire's type takes away from a vector is part of the definition, not of the bound.
/// \param heartbeat beats with every network of a token; nullptr = none
/// \param routing, x of the same tokens; x: [tokens, hidden] of the model's type
OracleOutput oracle_outputs(LayerSpec const& spec, int layer, RoutingBatch const& routing,
                            std::span<float const> x, Heartbeat* heartbeat = nullptr);

}  // namespace epsim
