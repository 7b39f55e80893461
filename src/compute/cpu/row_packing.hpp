#pragma once

#include <span>

#include "compute/cpu/tile.hpp"
#include "device/buffer.hpp"
#include "model/model_shape.hpp"

namespace epsim::cpu {

/// Rows of `from` into one tile's x: [steps][rows][k of a step], the last step filled with zeros.
void pack_rows(BufferView from, std::span<int32_t const> rows, Product product, std::byte* to);

/// Sums of a tile of `in` [rows, 32] (16 of the gate and 16 of the up matrix, or 32 of the up
/// matrix), activated and rounded once to `dtype`, into the rows' x for `down`.
/// \param to where the x of the first of these columns is; a panel's columns are whole steps
using ActivateTile = void (*)(float const* sums, int64_t rows, std::byte* to);
ActivateTile activate_tile_of(Activation activation, DType dtype, Product down);

/// Ask for the lines that store_sums will write: early, or it waits for them.
void prefetch_results(std::span<int32_t const> results, int64_t first, BufferView out);

/// Columns [first, first + columns) of rows `results` of `out` = sums [results, 32], rounded once.
void store_sums(float const* sums, std::span<int32_t const> results, int64_t first, int64_t columns,
                BufferView out);

}  // namespace epsim::cpu
