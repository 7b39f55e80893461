#pragma once

#include <cstdint>
#include <span>

#include "device/buffer.hpp"

namespace epsim {

/// out[i] = in[index[i]]; rows with index -1 become zero. Same type and width. Gather.
/// \param out [index.size(), width]
void gather_rows(BufferView in, std::span<int32_t const> index, BufferView out);

/// As gather_rows, each row times scale[i], rounded to the rows' type once.
void gather_scaled_rows(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                        BufferView out);

/// out[index[i]] = in[i]. Scatter; indices are distinct.
void scatter_rows(BufferView in, std::span<int32_t const> index, BufferView out);

/// out[t] = sum over c in order of weight[t, c] in[assignment_row[t, c]], accumulated in fp32 from
/// zero and rounded to out's type once; -1 adds nothing.
/// \param in [rows, width]   \param out [tokens, width]
/// \param assignment_row [tokens, top_k]   \param weight [tokens, top_k]; empty = all one
void weighted_sum_rows(BufferView in, std::span<int32_t const> assignment_row,
                       std::span<float const> weight, int top_k, BufferView out);

}  // namespace epsim
