#pragma once

#include <cuda_runtime.h>

#include "device/buffer.hpp"
#include "model/model_shape.hpp"

namespace epsim::gpu {

/// out[i] = activation of projected[i], on the GPU.
/// \param projected [rows, inner or 2 inner] the gate's outputs first   \param out [rows, inner]
void activate(Activation activation, BufferView projected, BufferView out, cudaStream_t stream);

}  // namespace epsim::gpu
