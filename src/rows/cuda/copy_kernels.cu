#include "device/cuda/check.hpp"
#include "rows/cuda/kernels.cuh"
#include "rows/cuda/launch.cuh"
#include "rows/gpu_work.hpp"

namespace epsim::gpu {
namespace {

template <class Word>
__global__ void __launch_bounds__(block_threads)
    gather_kernel(std::byte const* in, int64_t row_bytes, int32_t const* index, int64_t rows,
                  std::byte* out) {
    int64_t const words = row_bytes / int64_t{sizeof(Word)};
    for (int64_t row = first_row(); row < rows; row += row_stride()) {
        int32_t const from = index[row];
        auto* const to = reinterpret_cast<Word*>(out + row * row_bytes);
#pragma unroll 4
        for (int64_t i = threadIdx.x; i < words; i += blockDim.x)
            to[i] = gathered_word<Word>(in, row_bytes, from, i);
    }
}

template <class Word>
__global__ void __launch_bounds__(block_threads)
    permute_kernel(std::byte const* in, int64_t row_bytes, int32_t const* assignment_row, int top_k,
                   int64_t tokens, std::byte* out) {
    int64_t const words = row_bytes / int64_t{sizeof(Word)};
    for (int64_t token = first_row(); token < tokens; token += row_stride()) {
        int32_t const* const choice = assignment_row + token * top_k;
#pragma unroll 2
        for (int64_t i = threadIdx.x; i < words; i += blockDim.x)
            permute_word<Word>(in, row_bytes, token, choice, top_k, i, out);
    }
}

/// Call f with a value of the widest word that rows can be moved in.
template <class F>
void dispatch_word(BufferView in, BufferView out, F f) {
    auto const address = [](BufferView view) { return reinterpret_cast<uintptr_t>(view.data); };
    switch (word_bytes(address(in) | address(out) | static_cast<uint64_t>(in.row_bytes()))) {
        case 16:
            return f(Word16{});
        case 4:
            return f(uint32_t{});
        case 2:
            return f(uint16_t{});
        default:
            return f(uint8_t{});
    }
}

}  // namespace

void gather(BufferView in, int32_t const* index, BufferView out, cudaStream_t stream) {
    if (out.bytes() == 0) return;
    dispatch_word(in, out, [&]<class Word>(Word) {
        auto const launch = row_launch(out.rows, in.row_bytes() / int64_t{sizeof(Word)});
        gather_kernel<Word><<<launch.grid, launch.block, 0, stream>>>(in.data, in.row_bytes(),
                                                                      index, out.rows, out.data);
    });
    check_launch("gather_kernel");
}

void permute(BufferView in, int32_t const* assignment_row, int top_k, BufferView out,
             cudaStream_t stream) {
    if (in.bytes() == 0) return;
    dispatch_word(in, out, [&]<class Word>(Word) {
        auto const launch = row_launch(in.rows, in.row_bytes() / int64_t{sizeof(Word)});
        permute_kernel<Word><<<launch.grid, launch.block, 0, stream>>>(
            in.data, in.row_bytes(), assignment_row, top_k, in.rows, out.data);
    });
    check_launch("permute_kernel");
}

}  // namespace epsim::gpu
