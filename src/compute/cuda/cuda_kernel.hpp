#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "compute/expert_kernel.hpp"

namespace epsim {

/// Whether a kernel of this name runs on the process's GPU: "cublas", "cublas-loop".
bool is_cuda_kernel(std::string_view name);

/// Whether it rounds u and g to the weights' type before the activation: what cuBLAS returns of a
/// grouped product has the type of its factors.
bool rounds_products(std::string_view name);

/// On the process's GPU. Rows that a slot serves are brought together where they are not, then two
/// products with the activation between them: of all slots in one call of
/// cublasGemmGroupedBatchedEx ("cublas"), or slot by slot by cublasGemmEx ("cublas-loop").
/// \throws InputError if there is no GPU, no cuBLAS, or it knows no such product
std::unique_ptr<ExpertKernel> make_cuda_kernel(std::string_view name, FeedForwardSpec const& spec,
                                               uint64_t seed,
                                               std::vector<std::vector<WeightKey>> const& keys,
                                               int threads);

}  // namespace epsim
