#pragma once

#include <cuda_runtime.h>

#include <source_location>

namespace epsim {

/// \throws Error "file:line: call: text" unless `code` is cudaSuccess
void check_cuda(cudaError_t code, char const* call,
                std::source_location where = std::source_location::current());

/// After a kernel's launch: whether it could be launched at all.
inline void check_launch(char const* kernel,
                         std::source_location where = std::source_location::current()) {
    check_cuda(cudaGetLastError(), kernel, where);
}

}  // namespace epsim
