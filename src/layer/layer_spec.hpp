#pragma once

#include <cstdint>

#include "compute/expert_kernel.hpp"
#include "dispatch/route.hpp"
#include "exchange/exchange_shape.hpp"
#include "model/model_shape.hpp"

namespace epsim {

/// Everything that fixes what the replayed layers compute, wherever they run.
struct LayerSpec {
    ModelShape shape;  ///< `hidden` already scaled
    DType dtype = DType::bf16;
    DType wire_dtype = DType::bf16;
    DType combine_dtype = DType::bf16;
    Dedup dedup = Dedup::none;
    uint64_t seed = 1;
    bool distinct_weights = true;
    int layers = 1;                       ///< replayed
    DeviceKind device = DeviceKind::cpu;  ///< where tokens, rows and weights are
    bool rounds_products = false;         ///< as FeedForwardSpec's, of every network

    /// The layer whose weights a layer uses.
    int weights_layer(int layer) const noexcept { return distinct_weights ? layer : 0; }

    /// Whether gate weights apply where results are summed at the source.
    bool weighted_at_source() const noexcept {
        return shape.weight_at == WeightAt::source && dedup == Dedup::none;
    }

    FeedForwardSpec routed() const;
    /// All shared experts as one network: their sum is the network of their joined intermediates.
    FeedForwardSpec shared() const;
    FeedForwardSpec dense_residual() const;
    bool has_shared() const noexcept { return shape.shared_experts > 0; }
    bool has_dense_residual() const noexcept { return shape.dense_residual_intermediate > 0; }
};

/// What a rank's exchange of these layers is built for.
ExchangeShape exchange_shape(LayerSpec const& spec, Placement const& placement, RankId rank);

}  // namespace epsim
