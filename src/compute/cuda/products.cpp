#include "compute/cuda/products.hpp"

#include "core/cast.hpp"

namespace epsim {
namespace {

cudaDataType cuda_type(DType type) {
    return type == DType::f32 ? CUDA_R_32F : CUDA_R_16BF;
}

}  // namespace

Products::Products(Way way) : way_(way) {
    cublasHandle_t handle = nullptr;
    cublas().check(cublas().create(&handle), "cublasCreate");
    handle_.reset(handle);
    // Split sums are added in fp32 too.
    cublas().check(
        cublas().set_math_mode(
            handle, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                              CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)),
        "cublasSetMathMode");
}

void Products::run(ProductShape const& shape, std::vector<Product> const& products,
                   cudaStream_t stream) {
    if (products.empty()) return;
    cublas().check(cublas().set_stream(handle_.get(), stream), "cublasSetStream");
    way_ == Way::grouped ? run_grouped(shape, products, stream) : run_loop(shape, products);
}

// cuBLAS stores matrices by columns: to it, w is [inputs, outputs], x [inputs, rows] and
// y [outputs, rows] = w^T x.

void Products::run_loop(ProductShape const& shape, std::vector<Product> const& products) {
    float const alpha = 1, beta = 0;
    for (auto const& p : products)
        cublas().check(
            cublas().gemm(handle_.get(), CUBLAS_OP_T, CUBLAS_OP_N, shape.outputs, p.rows,
                          shape.inputs, &alpha, p.w, cuda_type(shape.type), shape.inputs, p.x,
                          cuda_type(shape.type), shape.inputs, &beta, p.y, cuda_type(shape.y_type),
                          shape.outputs, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            "cublasGemmEx");
}

void Products::run_grouped(ProductShape const& shape, std::vector<Product> const& products,
                           cudaStream_t stream) {
    check(shape.y_type == shape.type, "a grouped product has the type of its factors");
    auto const groups = products.size();
    transpose_.assign(groups, CUBLAS_OP_T);
    keep_.assign(groups, CUBLAS_OP_N);
    outputs_.assign(groups, shape.outputs);
    inputs_.assign(groups, shape.inputs);
    one_.assign(groups, 1);
    alpha_.assign(groups, 1);
    beta_.assign(groups, 0);
    rows_.clear();
    w_.clear();
    x_.clear();
    y_.clear();
    for (auto const& p : products) {
        rows_.push_back(p.rows);
        w_.push_back(p.w);
        x_.push_back(p.x);
        y_.push_back(p.y);
    }
    cublas().check(
        cublas().gemm_grouped(handle_.get(), transpose_.data(), keep_.data(), outputs_.data(),
                              rows_.data(), inputs_.data(), alpha_.data(), w_upload_(w_, stream),
                              cuda_type(shape.type), inputs_.data(), x_upload_(x_, stream),
                              cuda_type(shape.type), inputs_.data(), beta_.data(),
                              y_upload_(y_, stream), cuda_type(shape.y_type), outputs_.data(),
                              narrow<int>(groups), one_.data(), CUBLAS_COMPUTE_32F),
        "cublasGemmGroupedBatchedEx");
}

}  // namespace epsim
