#include "layer/layer_spec.hpp"

namespace epsim {

FeedForwardSpec LayerSpec::routed() const {
    return {shape.hidden, shape.expert_intermediate, shape.activation, dtype, wire_dtype,
            combine_dtype};
}

FeedForwardSpec LayerSpec::shared() const {
    return {shape.hidden,     shape.shared_experts * shape.shared_intermediate,
            shape.activation, dtype,
            wire_dtype,       dtype};
}

FeedForwardSpec LayerSpec::dense_residual() const {
    return {shape.hidden, shape.dense_residual_intermediate, shape.activation, dtype, wire_dtype,
            dtype};
}

}  // namespace epsim
