#pragma once

#include <cuda_runtime.h>

#include "device/buffer.hpp"

namespace epsim::gpu {

// Kernels over whole rows; indices are on the GPU. See rows/permute.hpp and rows/row_codec.hpp.

void gather(BufferView in, int32_t const* index, BufferView out, cudaStream_t stream);
void permute(BufferView in, int32_t const* assignment_row, int top_k, BufferView out,
             cudaStream_t stream);
/// \param weight null = all one
void sum_groups(BufferView in, int64_t const* group_offset, int32_t const* member,
                float const* weight, BufferView out, cudaStream_t stream);
/// \param index null = row i   \param scale null = all one
void encode(BufferView in, int32_t const* index, float const* scale, BufferView out,
            cudaStream_t stream);
void decode(BufferView in, BufferView out, cudaStream_t stream);
/// out[index[i]] = in[i] in out's type; both compute. Indices are distinct.
void scatter(BufferView in, int32_t const* index, BufferView out, cudaStream_t stream);
void add(BufferView in, BufferView out, cudaStream_t stream);
void scale_by_gate(BufferView x, float const* gate, BufferView out, cudaStream_t stream);

}  // namespace epsim::gpu
