#include "device/cuda/check.hpp"
#include "rows/cuda/kernels.cuh"
#include "rows/cuda/launch.cuh"
#include "rows/gpu_work.hpp"

namespace epsim::gpu {
namespace {

template <class In, class Out>
__global__ void __launch_bounds__(block_threads)
    sum_kernel(In const* in, int64_t width, bool in_words, int64_t const* group_offset,
               int32_t const* member, float const* weight, int64_t groups, bool out_words,
               Out* out) {
    for (int64_t group = first_row(); group < groups; group += row_stride()) {
        int64_t const first = group_offset[group], last = group_offset[group + 1];
        for (int64_t l = threadIdx.x; l < lanes_of(width); l += blockDim.x) {
            float sum[lane];
            sum_lane(in, width, in_words, member, weight, first, last, l * lane, sum);
            store_lane(sum, l * lane, width, out_words, out + group * width);
        }
    }
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    add_kernel(T const* in, int64_t rows, int64_t width, bool words, T* out) {
    for (int64_t row = first_row(); row < rows; row += row_stride())
        for (int64_t l = threadIdx.x; l < lanes_of(width); l += blockDim.x) {
            float a[lane], b[lane];
            load_lane(in + row * width, l * lane, width, words, a);
            load_lane(out + row * width, l * lane, width, words, b);
            for (int64_t j = 0; j < lane; ++j) b[j] = b[j] + a[j];
            store_lane(b, l * lane, width, words, out + row * width);
        }
}

template <class In, class Out>
__global__ void __launch_bounds__(block_threads)
    scatter_kernel(In const* in, int32_t const* index, int64_t rows, int64_t width, bool in_words,
                   bool out_words, Out* out) {
    for (int64_t row = first_row(); row < rows; row += row_stride()) {
        Out* const to = out + index[row] * width;
        for (int64_t l = threadIdx.x; l < lanes_of(width); l += blockDim.x) {
            float x[lane];
            load_lane(in + row * width, l * lane, width, in_words, x);
            store_lane(x, l * lane, width, out_words, to);
        }
    }
}

/// A warp a row.
template <class In, class Out>
__global__ void __launch_bounds__(block_threads)
    gate_kernel(In const* x, float const* gate, int64_t rows, int64_t width, bool in_words,
                bool out_words, Out* out) {
    for (int64_t row = first_row(); row < rows; row += row_stride()) {
        float score = 0;
        for (int64_t l = threadIdx.x; l < lanes_of(width); l += blockDim.x) {
            float v[lane], g[lane];
            load_lane(x + row * width, l * lane, width, in_words, v);
            load_lane(gate, l * lane, width, false, g);
            for (int64_t j = 0; j < lane; ++j) score += g[j] * v[j];
        }
        for (int apart = 16; apart > 0; apart /= 2)
            score += __shfl_xor_sync(0xffffffffu, score, apart);
        float const scale = 1.0f / (1.0f + expf(-score));
        for (int64_t l = threadIdx.x; l < lanes_of(width); l += blockDim.x) {
            float y[lane];
            load_lane(out + row * width, l * lane, width, out_words, y);
            for (int64_t j = 0; j < lane; ++j) y[j] = y[j] * scale;
            store_lane(y, l * lane, width, out_words, out + row * width);
        }
    }
}

template <class T>
bool words_of(BufferView view) {
    return lanes_are_words<T>(view.data, view.row_bytes(), view.width);
}

}  // namespace

void sum_groups(BufferView in, int64_t const* group_offset, int32_t const* member,
                float const* weight, BufferView out, cudaStream_t stream) {
    if (out.bytes() == 0) return;
    auto const launch = row_launch(out.rows, lanes_of(out.width));
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            sum_kernel<<<launch.grid, launch.block, 0, stream>>>(
                in.as<In const>(), in.width, words_of<In>(in), group_offset, member, weight,
                out.rows, words_of<Out>(out), out.as<Out>());
        });
    });
    check_launch("sum_kernel");
}

void scatter(BufferView in, int32_t const* index, BufferView out, cudaStream_t stream) {
    if (in.bytes() == 0) return;
    auto const launch = row_launch(in.rows, lanes_of(in.width));
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            scatter_kernel<<<launch.grid, launch.block, 0, stream>>>(
                in.as<In const>(), index, in.rows, in.width, words_of<In>(in), words_of<Out>(out),
                out.as<Out>());
        });
    });
    check_launch("scatter_kernel");
}

void add(BufferView in, BufferView out, cudaStream_t stream) {
    if (out.bytes() == 0) return;
    auto const launch = row_launch(out.rows, lanes_of(out.width));
    dispatch_dtype(out.type, [&]<class T>(T) {
        add_kernel<<<launch.grid, launch.block, 0, stream>>>(in.as<T const>(), out.rows, out.width,
                                                             words_of<T>(in) && words_of<T>(out),
                                                             out.as<T>());
    });
    check_launch("add_kernel");
}

void scale_by_gate(BufferView x, float const* gate, BufferView out, cudaStream_t stream) {
    if (out.bytes() == 0) return;
    auto const launch = row_launch(out.rows, 32);
    dispatch_dtype(x.type, [&]<class In>(In) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            gate_kernel<<<launch.grid, launch.block, 0, stream>>>(
                x.as<In const>(), gate, out.rows, out.width, words_of<In>(x), words_of<Out>(out),
                out.as<Out>());
        });
    });
    check_launch("gate_kernel");
}

}  // namespace epsim::gpu
