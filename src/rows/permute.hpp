#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/buffer.hpp"
#include "rows/streaming.hpp"

namespace epsim {

// Every function runs on the calling thread. To use several, split what the output is made of:
// the indices and rows of `out` of a gather, the tokens of `in` of a permutation with their part
// of assignment_row (the rows it names are distinct), the tokens or groups of a sum with the rows
// of `out`. A part of a BufferView is {view.row(first), view.type, last - first, view.width}.

/// out[i] = in[index[i]], byte by byte; rows with index -1 become zero. Gather.
/// \param in [rows, width] of any type   \param out [index.size(), width], same type
void gather_rows(BufferView in, std::span<int32_t const> index, BufferView out);

/// As gather_rows, each row times scale[i], rounded to the rows' type once. Types that compute.
void gather_scaled_rows(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                        BufferView out);

/// out[index[i]] = in[i]. Scatter; indices are distinct. Any type.
void scatter_rows(BufferView in, std::span<int32_t const> index, BufferView out);

/// out[assignment_row[t, c]] = in[t] for every choice c: each token is read once and its copies are
/// written, where a gather reads tokens again and again. -1 is no row; a row that several choices
/// of one token name is written once. Rows of out that no choice names (padding) are left as they
/// are: who needs zeros there writes them.
/// \param in [tokens, width] of any type   \param out [rows, width], same type
/// \param assignment_row [tokens, top_k]
void permute_rows(BufferView in, std::span<int32_t const> assignment_row, int top_k, BufferView out,
                  Stores stores = Stores::automatic);

/// As permute_rows, where row i lies at target[i]: anywhere, at any alignment, in another process's
/// shared memory too. What was written is seen by others before what the caller stores next (a
/// flag, say).
/// \param target [rows]; null = not now
void permute_rows_to(BufferView in, std::span<int32_t const> assignment_row, int top_k,
                     std::span<std::byte* const> target, Stores stores = Stores::automatic);

/// out[t] = sum over c in order of weight[t, c] in[assignment_row[t, c]], accumulated in fp32 from
/// zero, each product rounded and then each sum, and rounded to out's type once; -1 adds nothing.
/// The same bits on every CPU. Types that compute.
/// \param in [rows, width]   \param out [tokens, width]
/// \param assignment_row [tokens, top_k]   \param weight [tokens, top_k]; empty = all one
void weighted_sum_rows(BufferView in, std::span<int32_t const> assignment_row,
                       std::span<float const> weight, int top_k, BufferView out,
                       Stores stores = Stores::automatic);

/// out[g] = sum over i in [group_offset[g], group_offset[g + 1]) in order of
/// weight[i] in[member[i]], as weighted_sum_rows; a group without members is zero.
/// \param in [rows, width]   \param out [groups, width]
/// \param group_offset [groups + 1] into member and weight; need not start at zero
/// \param member [members] rows of in; -1 adds nothing   \param weight [members]; empty = all one
void weighted_sum_groups(BufferView in, std::span<int64_t const> group_offset,
                         std::span<int32_t const> member, std::span<float const> weight,
                         BufferView out, Stores stores = Stores::automatic);

/// As weighted_sum_groups, of rows that lie at row[i]: anywhere, in other processes' shared memory
/// too.
/// \param type, width of the rows   \param member [members] of row; -1 adds nothing
void weighted_sum_groups_of(std::span<std::byte const* const> row, DType type,
                            std::span<int64_t const> group_offset, std::span<int32_t const> member,
                            std::span<float const> weight, BufferView out,
                            Stores stores = Stores::automatic);

}  // namespace epsim
