#include "device/cuda/cublas.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

#define EPSIM_TEXT_OF(x) #x
#define EPSIM_TEXT(x) EPSIM_TEXT_OF(x)

namespace epsim {

Cublas::Cublas() : library("libcublas.so." EPSIM_TEXT(CUBLAS_VER_MAJOR), "EPSIM_CUBLAS") {
    library.bind(create, "cublasCreate_v2");
    library.bind(destroy, "cublasDestroy_v2");
    library.bind(set_stream, "cublasSetStream_v2");
    library.bind(set_math_mode, "cublasSetMathMode");
    library.bind(status_string, "cublasGetStatusString");
    library.bind(get_property, "cublasGetProperty");
    library.bind(gemm_grouped, "cublasGemmGroupedBatchedEx");
    library.bind(gemm, "cublasGemmEx");
    int major = 0, minor = 0, patch = 0;
    check(get_property(MAJOR_VERSION, &major), "cublasGetProperty");
    check(get_property(MINOR_VERSION, &minor), "cublasGetProperty");
    check(get_property(PATCH_LEVEL, &patch), "cublasGetProperty");
    version = fmt::format("{}.{}.{}", major, minor, patch);
}

void Cublas::check(cublasStatus_t status, char const* call, std::source_location where) const {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw Error(
        fmt::format("{}:{}: {}: {}", where.file_name(), where.line(), call, status_string(status)));
}

Cublas const& cublas() {
    static Cublas const functions;
    return functions;
}

}  // namespace epsim
