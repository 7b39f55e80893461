#pragma once

#include <cstdint>

#include "core/dtype.hpp"
#include "model/model_shape.hpp"

namespace epsim {

// Sizes and costs that follow from a shape alone. Parameters are those of the matrices: biases and
// norms are left out. "A layer" is one expert layer. All throw InputError beyond 2^63.

/// Elements of a row on the wire: dispatch_hidden, or hidden where that is 0.
int row_width(ModelShape const& shape) noexcept;

/// Matrices of one FFN: three if gated, two if plain.
int matrices(Activation activation) noexcept;

/// Parameters of one routed expert: matrices x hidden x expert_intermediate.
int64_t expert_params(ModelShape const& shape);
/// Of one layer's shared experts (with their gate vector) and dense residual, which every rank has.
int64_t replicated_params(ModelShape const& shape);
/// Of one layer's router: hidden x num_experts, and num_experts biases where it has them.
int64_t router_params(ModelShape const& shape);
/// Of all routed experts of all expert layers.
int64_t total_expert_params(ModelShape const& shape);
/// Of the expert layers' parameters, those that one token uses: its top_k experts, what is
/// replicated, the router.
int64_t active_layer_params(ModelShape const& shape);

int64_t expert_bytes(ModelShape const& shape, DType dtype);
/// As published: bf16 and fp32 plain; fp8_block one byte an element and a float for each block of
/// 128 x 128 (DeepSeek-V3 technical report, section 3.3.2); mxfp4 half a byte an element and an
/// 8-bit scale for each 32 of a row (OCP Microscaling Formats v1.0, section 5.3).
int64_t published_expert_bytes(ModelShape const& shape);

/// FLOPs of one (token, expert) pair, forward: gated 6 h i, plain 4 h i.
int64_t pair_flops(ModelShape const& shape);
/// FLOPs of one token in one layer, forward: top_k pairs, shared experts, dense residual; not the
/// router.
int64_t token_flops(ModelShape const& shape);

/// Bytes of one row on the wire.
int64_t row_bytes(ModelShape const& shape, DType wire_dtype);
/// Selected bytes of one token, layer and direction: top_k rows, before any deduplication.
int64_t token_wire_bytes(ModelShape const& shape, DType wire_dtype);

/// The weights of the fullest rank under linear placement (expert e of E on rank floor(e R / E)).
struct RankMemory {
    int experts = 0;          ///< routed experts of one layer on that rank
    int64_t layer_bytes = 0;  ///< one layer: those, and what is replicated
    int64_t model_bytes = 0;  ///< all expert layers
};

/// \throws InputError unless ranks >= 1
RankMemory rank_memory(ModelShape const& shape, int ranks, DType dtype);

}  // namespace epsim
