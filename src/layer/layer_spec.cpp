#include "layer/layer_spec.hpp"

namespace epsim {

FeedForwardSpec LayerSpec::routed() const {
    DType const in = computes_in(wire_dtype) ? wire_dtype : dtype;
    return {shape.hidden,   shape.expert_intermediate, shape.activation, dtype, in, combine_dtype,
            rounds_products};
}

FeedForwardSpec LayerSpec::shared() const {
    int const intermediate = shape.shared_experts * shape.shared_intermediate;
    return {shape.hidden, intermediate, shape.activation, dtype, dtype, dtype, rounds_products};
}

FeedForwardSpec LayerSpec::dense_residual() const {
    return {
        shape.hidden,   shape.dense_residual_intermediate, shape.activation, dtype, dtype, dtype,
        rounds_products};
}

ExchangeShape exchange_shape(LayerSpec const& spec, Placement const& placement, RankId rank) {
    auto const offset = placement.rank_slot_offset();
    auto const r = static_cast<std::size_t>(index(rank));
    return {spec.shape.hidden,    spec.dtype, spec.wire_dtype,           spec.combine_dtype,
            spec.shape.weight_at, offset[r],  offset[r + 1] - offset[r], {},
            spec.device};
}

}  // namespace epsim
