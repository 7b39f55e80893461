#pragma once

#include <string>

#include "model/model_shape.hpp"

namespace epsim {

/// How a layer's shape differs from a preset's: "num_experts 8 instead of 64 (x 0.125), ..."; empty
/// if it does not. The hidden size may differ: it scales compute and bytes alike.
std::string distortion(ModelShape const& preset, ModelShape const& shape);

}  // namespace epsim
