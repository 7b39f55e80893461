#pragma once

#include <algorithm>
#include <cstdint>

namespace epsim::gpu {

inline constexpr int block_threads = 256;
/// Blocks walk on over the rows: enough to fill any GPU several times.
inline constexpr int64_t most_blocks = 132 * 32;

/// Rows are spread over blocks; of short rows a block takes several, `threads` each.
struct Launch {
    dim3 grid, block;  // block: (threads of a row, rows)
};

/// \param items of a row, each a thread's
inline Launch row_launch(int64_t rows, int64_t items) {
    unsigned threads = 32;
    while (threads < block_threads && threads < items) threads *= 2;
    unsigned const together = block_threads / threads;
    int64_t const blocks = std::min((rows + together - 1) / together, most_blocks);
    return {dim3(static_cast<unsigned>(std::max<int64_t>(blocks, 1))), dim3(threads, together)};
}

/// The first row of a thread, and how far the next one is.
__device__ inline int64_t first_row() {
    return int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
}
__device__ inline int64_t row_stride() {
    return int64_t{gridDim.x} * blockDim.y;
}

}  // namespace epsim::gpu
