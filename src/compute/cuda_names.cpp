#include "compute/cuda/cuda_kernel.hpp"

namespace epsim {

bool is_cuda_kernel(std::string_view name) {
    return name == "cublas" || name == "cublas-loop";
}

bool rounds_products(std::string_view name) {
    return name == "cublas";
}

}  // namespace epsim
