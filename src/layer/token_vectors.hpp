#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/ids.hpp"
#include "device/buffer.hpp"
#include "layer/layer_spec.hpp"

namespace epsim {

/// Seeded inputs that look like a transformer's: channels of unequal scale (log-normal, sigma 0.5,
/// the same for all tokens), near-normal values (Irwin-Hall sum of four uniforms), each vector
/// RMS-normalised. A function of (seed, step, token) only; every layer of a step gets the same.
class TokenVectors {
public:
    explicit TokenVectors(LayerSpec const& spec);

    /// out[i] = vector of token tokens[i] of the step, rounded to the model's type, which is out's.
    /// \param tokens counted from the step's start   \param out [tokens.size(), hidden]
    void fill(StepId step, std::span<int64_t const> tokens, BufferView out) const;

private:
    LayerSpec spec_;
    std::vector<float> channel_scale_;  // [hidden]
};

}  // namespace epsim
