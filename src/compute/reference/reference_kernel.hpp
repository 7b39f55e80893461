#pragma once

#include <memory>
#include <vector>

#include "compute/expert_kernel.hpp"

namespace epsim {

/// Sums in fp64 in order of the summed index, from zero, one row at a time: an output row depends
/// on its input row and weights only, whatever rows come with it, to the last bit.
/// \param threads for making the weights; forward() uses one
std::unique_ptr<ExpertKernel> make_reference_kernel(FeedForwardSpec const& spec, uint64_t seed,
                                                    std::vector<std::vector<WeightKey>> const& keys,
                                                    int threads);

}  // namespace epsim
