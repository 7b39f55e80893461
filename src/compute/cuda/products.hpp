#pragma once

#include <cublas_v2.h>

#include <memory>
#include <vector>

#include "device/buffer.hpp"
#include "device/cuda/cublas.hpp"
#include "device/cuda/upload.hpp"

namespace epsim {

/// y [rows, outputs] = x [rows, inputs] w^T, w [outputs, inputs]: of one slot.
struct Product {
    int rows;
    std::byte const* x;
    std::byte const* w;
    std::byte* y;
};

/// What all products of a call have in common; sums are in fp32.
struct ProductShape {
    int inputs, outputs;
    DType type;    ///< of x and w
    DType y_type;  ///< in one call: as `type`
};

/// Products of several slots by cuBLAS.
class Products {
public:
    enum class Way { grouped, loop };
    explicit Products(Way way);

    void run(ProductShape const& shape, std::vector<Product> const& products, cudaStream_t stream);

private:
    struct Destroy {
        void operator()(cublasHandle_t handle) const noexcept { cublas().destroy(handle); }
    };
    void run_loop(ProductShape const& shape, std::vector<Product> const& products);
    void run_grouped(ProductShape const& shape, std::vector<Product> const& products,
                     cudaStream_t stream);

    Way way_;
    std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, Destroy> handle_;
    // Of a grouped call, [groups].
    std::vector<cublasOperation_t> transpose_, keep_;
    std::vector<int> outputs_, rows_, inputs_, one_;
    std::vector<float> alpha_, beta_;
    std::vector<void const*> w_, x_;
    std::vector<void*> y_;
    Upload<void const*> w_upload_, x_upload_;
    Upload<void*> y_upload_;
};

}  // namespace epsim
