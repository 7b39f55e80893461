#include "device/cuda/check.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

void check_cuda(cudaError_t code, char const* call, std::source_location where) {
    if (code == cudaSuccess) return;
    throw Error(fmt::format("{}:{}: {}: {} ({})", where.file_name(), where.line(), call,
                            cudaGetErrorString(code), cudaGetErrorName(code)));
}

}  // namespace epsim
