#pragma once

#include <vector>

#include "compute/expert_kernel.hpp"

namespace epsim {

/// A whole weight matrix [out.rows, out.width] into out, every element rounded to `dtype` and
/// stored as out's type. Made on as many threads as OpenMP gives the caller.
void make_weights(uint64_t seed, WeightKey key, Matrix matrix, DType dtype, BufferView out);

/// For every layer the position of the first one with equal keys: whose weights it uses.
std::vector<std::size_t> first_equal_layer(std::vector<std::vector<WeightKey>> const& keys);

}  // namespace epsim
