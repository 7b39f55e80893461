#pragma once

#include <cstdint>
#include <span>

#include "device/buffer.hpp"

namespace epsim {

// Rows between the types that compute (f32, bf16) and those that travel (all). The same bits on
// every CPU. To use several threads, split the rows: see rows/permute.hpp.
//
// f32, bf16, f16: each element is rounded to nearest, ties to even; f16 overflows to infinity.
// f8_e4m3: of every 128 consecutive elements (fewer in the last block) the largest finite magnitude
// gives scale = max(magnitude / 448, 2^-126) in fp32, and an element x becomes x / scale in fp32,
// then rounded to nearest, ties to even. Infinity and NaN become NaN and leave the rest of their
// block alone. A row is its elements, then its scales, which may lie at any alignment.

/// out[i] = in[i] in out's type. \param in [rows, width] f32 or bf16   \param out [rows, width]
void encode_rows(BufferView in, BufferView out);

/// out[i] = in[i] in out's type: exact in f32, where f8_e4m3 is element times scale, rounded once;
/// then rounded to bf16 if out is. \param in [rows, width]   \param out [rows, width] f32 or bf16
void decode_rows(BufferView in, BufferView out);

/// out[i] = encode(scale[i] in[index[i]]), each product rounded to fp32; -1 gives a row of zeros.
/// \param in [rows, width] f32 or bf16   \param out [index.size(), width]
/// \param scale [index.size()]; empty = all one
void encode_scaled_rows(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                        BufferView out);

/// Largest |decode(encode(x)) - x| in fp32 for a finite x of this magnitude: half an ulp of the
/// type's normal numbers relative to x, and half the distance of its subnormals. For f16 up to
/// 65504, the largest that it holds.
/// \param block_magnitude the largest in the element's block, for f8_e4m3
double encoding_error(DType wire, double magnitude, double block_magnitude);

}  // namespace epsim
