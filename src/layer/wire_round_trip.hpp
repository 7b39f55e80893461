#pragma once

#include <span>

#include "device/buffer.hpp"
#include "layer/layer_spec.hpp"

namespace epsim {

/// What an expert gets to see of a token's vector: rounded to the wire's type and back, times the
/// gate weight where the model applies it to the input.
class WireRoundTrip {
public:
    explicit WireRoundTrip(LayerSpec const& spec);

    /// \param x, out [hidden]; x holds values of the model's type
    void run(std::span<float const> x, float weight, std::span<float> out);

private:
    LayerSpec spec_;
    HostBuffer model_, wire_, received_, scaled_;
};

}  // namespace epsim
