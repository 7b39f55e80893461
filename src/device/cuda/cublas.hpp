#pragma once

#include <cublas_v2.h>

#include <source_location>
#include <string>

#include "device/cuda/library.hpp"

namespace epsim {

/// The functions of cuBLAS that are used, from the library as loaded.
struct Cublas {
    Library library;
    std::string version;  ///< "13.1.0"

    decltype(&cublasCreate_v2) create;
    decltype(&cublasDestroy_v2) destroy;
    decltype(&cublasSetStream_v2) set_stream;
    decltype(&cublasSetMathMode) set_math_mode;
    decltype(&cublasGetStatusString) status_string;
    decltype(&cublasGetProperty) get_property;
    decltype(&cublasGemmGroupedBatchedEx) gemm_grouped;
    // Overloaded in C++: written out.
    cublasStatus_t (*gemm)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                           void const*, void const*, cudaDataType, int, void const*, cudaDataType,
                           int, void const*, void*, cudaDataType, int, cublasComputeType_t,
                           cublasGemmAlgo_t);

    Cublas();
    /// \throws Error "file:line: call: text" unless it is CUBLAS_STATUS_SUCCESS
    void check(cublasStatus_t status, char const* call,
               std::source_location where = std::source_location::current()) const;
};

/// Loaded by the first call. \throws InputError if there is none
Cublas const& cublas();

}  // namespace epsim
