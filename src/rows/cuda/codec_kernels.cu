#include <utility>

#include "device/cuda/check.hpp"
#include "rows/cuda/kernels.cuh"
#include "rows/cuda/launch.cuh"
#include "rows/gpu_work.hpp"

namespace epsim::gpu {
namespace {

/// The largest over the threads whose lanes share a scale. All threads of the warp call it.
__device__ uint32_t largest_of_block(uint32_t magnitude) {
    for (unsigned apart = scale_lanes / 2; apart > 0; apart /= 2)
        magnitude = max(magnitude, __shfl_xor_sync(0xffffffffu, magnitude, apart));
    return magnitude;
}

/// Lane l of a row. Threads past the end of the row come along, for the sake of the shuffle.
template <class In, class Wire>
__device__ void encode_lane_of(In const* in, float factor, int64_t l, int64_t width, bool in_words,
                               bool out_words, std::byte* row) {
    bool const whole = l < lanes_of(width);
    float x[lane] = {};
    if (whole) load_lane(in, l * lane, width, in_words, x);
    for (int64_t j = 0; j < lane; ++j) x[j] = x[j] * factor;
    float scale = 1;
    if constexpr (sizeof(Wire) == 1) {
        scale = f8_scale(largest_of_block(largest_finite(x)));
        if (whole && l % scale_lanes == 0) memcpy(row + scale_at(width, l * lane), &scale, 4);
    }
    if (whole) encode_lane(x, scale, l * lane, width, out_words, reinterpret_cast<Wire*>(row));
}

template <class In, class Wire>
__global__ void __launch_bounds__(block_threads)
    encode_kernel(In const* in, int32_t const* index, float const* factor, int64_t rows,
                  int64_t width, int64_t row_bytes, bool in_words, bool out_words, std::byte* out) {
    for (int64_t row = first_row(); row < rows; row += row_stride()) {
        int64_t const from = index ? index[row] : row;
        std::byte* const to = out + row * row_bytes;
        if (from < 0) {
            for (int64_t i = threadIdx.x; i < row_bytes; i += blockDim.x) to[i] = std::byte{0};
            continue;
        }
        float const f = factor ? factor[row] : 1.0f;
        for (int64_t first = 0; first < lanes_of(width); first += blockDim.x)
            encode_lane_of<In, Wire>(in + from * width, f, first + threadIdx.x, width, in_words,
                                     out_words, to);
    }
}

template <class Wire, class Out>
__global__ void __launch_bounds__(block_threads)
    decode_kernel(std::byte const* in, int64_t rows, int64_t width, int64_t row_bytes,
                  bool in_words, bool out_words, Out* out) {
    for (int64_t row = first_row(); row < rows; row += row_stride())
        for (int64_t l = threadIdx.x; l < lanes_of(width); l += blockDim.x) {
            std::byte const* const from = in + row * row_bytes;
            float x[lane];
            load_lane(reinterpret_cast<Wire const*>(from), l * lane, width, in_words, x);
            if constexpr (sizeof(Wire) == 1) apply_scale(from, width, l * lane, x);
            store_lane(x, l * lane, width, out_words, out + row * width);
        }
}

template <class F>
void dispatch_wire(DType type, F&& f) {
    if (type == DType::f16) return f(f16{});
    if (type == DType::f8_e4m3) return f(f8_e4m3{});
    dispatch_dtype(type, f);
}

template <class T>
bool words_of(BufferView view) {
    return lanes_are_words<T>(view.data, view.row_bytes(), view.width);
}

}  // namespace

void encode(BufferView in, int32_t const* index, float const* scale, BufferView out,
            cudaStream_t stream) {
    if (out.bytes() == 0) return;
    auto const launch = row_launch(out.rows, lanes_of(out.width));
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_wire(out.type, [&]<class Wire>(Wire) {
            encode_kernel<In, Wire><<<launch.grid, launch.block, 0, stream>>>(
                in.as<In const>(), index, scale, out.rows, out.width, out.row_bytes(),
                words_of<In>(in), words_of<Wire>(out), out.data);
        });
    });
    check_launch("encode_kernel");
}

void decode(BufferView in, BufferView out, cudaStream_t stream) {
    if (out.bytes() == 0) return;
    auto const launch = row_launch(out.rows, lanes_of(out.width));
    dispatch_wire(in.type, [&]<class Wire>(Wire) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            decode_kernel<Wire, Out><<<launch.grid, launch.block, 0, stream>>>(
                in.data, out.rows, out.width, in.row_bytes(), words_of<Wire>(in),
                words_of<Out>(out), out.as<Out>());
        });
    });
    check_launch("decode_kernel");
}

}  // namespace epsim::gpu
