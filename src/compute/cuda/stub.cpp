#include "compute/cuda/cuda_kernel.hpp"
#include "core/error.hpp"

namespace epsim {

std::unique_ptr<ExpertKernel> make_cuda_kernel(std::string_view, FeedForwardSpec const&, uint64_t,
                                               std::vector<std::vector<WeightKey>> const&, int) {
    throw InputError(
        "no CUDA device (built without CUDA). Configure with -DEPSIM_CUDA=ON or use --device=cpu");
}

}  // namespace epsim
