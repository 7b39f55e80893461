#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.hpp"

namespace epsim::cpu {

/// What a machine's CPU has for matrix products.
enum class CpuLevel { none, avx512f, avx512bf16, amx };

/// Of the CPU that this runs on, and of what its system lets programs use.
CpuLevel cpu_level();

/// Types of a product's rows and weights. A step of the summed index k is what one multiply-add of
/// each column takes: one k, or two of bf16.
enum class Product {
    f32,       ///< rows and weights fp32
    bf16,      ///< rows and weights bf16: vdpbf16ps, two k a step
    f32_bf16,  ///< fp32 rows, bf16 weights, which become fp32 in registers
    amx        ///< rows and weights bf16: tdpbf16ps, a block of 16 steps of 16 rows and columns
};

/// \param rows, weights  types as given; bf16 rows become fp32, exactly, where products need it
constexpr Product product_of(DType rows, DType weights, CpuLevel level) {
    if (weights == DType::f32) return Product::f32;
    if (rows == DType::f32 || level < CpuLevel::avx512bf16) return Product::f32_bf16;
    return level == CpuLevel::amx ? Product::amx : Product::bf16;
}
constexpr DType row_type(Product product) {
    return product == Product::bf16 || product == Product::amx ? DType::bf16 : DType::f32;
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

/// How packed rows of a tile lie: blocks of steps, in each the rows, in each of these its steps.
struct TileShape {
    int64_t most_rows;  ///< of a tile: their sums and a panel's columns fit the registers, with
                        ///< what makes them
    int64_t row_unit;   ///< a tile takes memory for so many rows or a multiple
    int64_t block;      ///< steps of a block: k is filled up to whole ones
};
constexpr TileShape tile_shape(Product product) {
    return product == Product::amx ? TileShape{32, 16, 16} : TileShape{14, 1, 1};
}
inline constexpr int64_t most_tile_rows = 32;  ///< of any product

/// Units that a tile of so many rows has memory for.
constexpr int64_t padded_rows(Product product, int64_t rows) {
    int64_t const unit = tile_shape(product).row_unit;
    return (rows + unit - 1) / unit * unit;
}
/// Bytes from one row to the next in a block.
constexpr int64_t packed_row_stride(Product product) {
    return tile_shape(product).block * k_per_step(product) * bytes_of(row_type(product));
}
/// Bytes from a tile's first row at k = 0 to that at k, the first of a step.
constexpr int64_t packed_offset(Product product, int64_t rows, int64_t k) {
    int64_t const block_k = tile_shape(product).block * k_per_step(product);
    return k / block_k * padded_rows(product, rows) * packed_row_stride(product) +
           k % block_k * bytes_of(row_type(product));
}

/// sums [rows, 32] = rows of x times a panel, with fp32 sums in an order of k that is always the
/// same: a row has the same bits whatever rows come with it. In order of k from zero, but amx sums
/// the first and the second k of a block's steps apart. (vdpbf16ps and tdpbf16ps take denormals for
/// zero, and give zero for them.)
/// \param x     packed rows [blocks][padded rows][k of a block], row_type
/// \param panel [steps][2 lines][16 columns][k of a step], weight_type, aligned to 64 bytes. What
///              follows it in memory is fetched in advance.
/// \param steps whole blocks
/// \param sums  [padded rows, 32], aligned to 64 bytes
using Tile = void (*)(std::byte const* x, std::byte const* panel, int64_t steps, float* sums);

/// To be called while a TileUse of the product lives in the thread.
/// \param rows 1 to most_rows
/// \throws Error where the CPU has no such product
Tile tile_of(Product product, int64_t rows);

/// A thread's registers as a product's tiles need them.
class TileUse {
public:
    explicit TileUse(Product product);
    ~TileUse();
    TileUse(TileUse const&) = delete;
    TileUse& operator=(TileUse const&) = delete;

private:
    Product product_;
};

}  // namespace epsim::cpu
