#include "core/error.hpp"
#include "rows/row_engine.hpp"

namespace epsim {

std::unique_ptr<RowEngine> make_cuda_row_engine() {
    throw InputError(
        "no CUDA device (built without CUDA). Configure with -DEPSIM_CUDA=ON or use --device=cpu");
}

}  // namespace epsim
