#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.hpp"

namespace epsim::cpu {

/// What a machine's CPU has for matrix products.
enum class CpuLevel { none, avx512f, avx512bf16 };

/// Of the CPU that this runs on.
CpuLevel cpu_level();

/// Types of a product's rows and weights. A step of the summed index k is what one multiply-add of
/// each column takes: one k, or two of bf16.
enum class Product {
    f32,       ///< rows and weights fp32
    bf16,      ///< rows and weights bf16: vdpbf16ps, two k a step
    f32_bf16,  ///< fp32 rows, bf16 weights, which become fp32 in registers
};

/// \param rows, weights  types as given; bf16 rows become fp32, exactly, where products need it
constexpr Product product_of(DType rows, DType weights, CpuLevel level) {
    if (weights == DType::f32) return Product::f32;
    return rows == DType::bf16 && level == CpuLevel::avx512bf16 ? Product::bf16 : Product::f32_bf16;
}
constexpr DType row_type(Product product) {
    return product == Product::bf16 ? DType::bf16 : DType::f32;
}
constexpr DType weight_type(Product product) {
    return product == Product::f32 ? DType::f32 : DType::bf16;
}
constexpr int64_t k_per_step(Product product) {
    return product == Product::f32 ? 1 : 2;
}

/// Columns of a line of weights, and of a panel: two lines stand side by side.
inline constexpr int64_t line_columns = 16, panel_columns = 32;
inline constexpr int64_t line_bytes = 64;
/// Sums of so many rows and a panel's columns fit the 32 vector registers, with weights and a row's
/// elements beside them.
inline constexpr int64_t most_tile_rows = 14;

/// sums [rows, 32] = rows of x times a panel, each a sum in order of k from zero, with fp32
/// multiply-adds: the same bits for a row whatever rows come with it. (vdpbf16ps rounds after each
/// of its two products; it takes denormals for zero, and gives zero for them.)
/// \param x     packed rows [steps][rows][k of a step], row_type
/// \param panel [steps][2 lines][16 columns][k of a step], weight_type, aligned to 64 bytes. What
///              follows it in memory is fetched in advance.
/// \param sums  aligned to 64 bytes
using Tile = void (*)(std::byte const* x, std::byte const* panel, int64_t steps, float* sums);

/// \param rows 1 to most_tile_rows
/// \throws Error where the CPU has no such product
Tile tile_of(Product product, int64_t rows);

}  // namespace epsim::cpu
