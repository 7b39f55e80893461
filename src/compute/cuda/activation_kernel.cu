#include "compute/activation_lane.hpp"
#include "compute/cuda/activation_kernel.cuh"
#include "device/cuda/check.hpp"
#include "rows/cuda/launch.cuh"

namespace epsim::gpu {
namespace {

template <Activation A, class In, class Out>
__global__ void __launch_bounds__(block_threads)
    activation_kernel(In const* projected, int64_t rows, int64_t columns, int64_t inner, bool words,
                      Out* out) {
    for (int64_t row = first_row(); row < rows; row += row_stride())
        for (int64_t l = threadIdx.x; l < lanes_of(inner); l += blockDim.x)
            activate_lane<A>(projected + row * columns, inner, l * lane, words, out + row * inner);
}

}  // namespace

void activate(Activation activation, BufferView projected, BufferView out, cudaStream_t stream) {
    if (out.bytes() == 0) return;
    auto const launch = row_launch(out.rows, lanes_of(out.width));
    bool const words = out.width % lane == 0;  // buffers begin at multiples of 16 bytes
    dispatch_activation(activation, [&](auto a) {
        dispatch_dtype(projected.type, [&]<class In>(In) {
            dispatch_dtype(out.type, [&]<class Out>(Out) {
                activation_kernel<a()><<<launch.grid, launch.block, 0, stream>>>(
                    projected.as<In const>(), out.rows, projected.width, out.width, words,
                    out.as<Out>());
            });
        });
    });
    check_launch("activation_kernel");
}

}  // namespace epsim::gpu
