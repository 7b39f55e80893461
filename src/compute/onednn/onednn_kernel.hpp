#pragma once

#include <memory>
#include <vector>

#include "compute/expert_kernel.hpp"

namespace epsim {

/// Matrix products by oneDNN, fp32 accumulation: gate and up as one product, the activation, down.
/// Weights are held once, in the layout that oneDNN chose. Products are compiled in prepare() for a
/// ladder of row counts (see MatmulLadder); forward() compiles nothing and takes no memory of its
/// own. Where rows and weights differ in type the first product runs in fp32, which holds both
/// exactly. \param threads of the calling thread's OpenMP regions while a call runs; its own setting
///                is put back after each
/// \throws InputError if oneDNN has no such product for this machine (bf16 needs AVX-512)
std::unique_ptr<ExpertKernel> make_onednn_kernel(FeedForwardSpec const& spec, uint64_t seed,
                                                 std::vector<std::vector<WeightKey>> const& keys,
                                                 int threads);

/// Whether oneDNN has a matrix product of this type for this machine.
bool onednn_supports(DType type);

}  // namespace epsim
