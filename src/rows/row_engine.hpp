#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "device/buffer.hpp"
#include "device/stream.hpp"

namespace epsim {

/// What happens to rows where they are: the functions of rows/permute and rows/row_codec on the
/// host, kernels with the same results on a GPU. Rows are all on the engine's device, indices and
/// weights on the host, where they may change once a call returns. Work is done in the stream's
/// order. An engine serves one thread.
class RowEngine {
public:
    virtual ~RowEngine() = default;

    // As the functions of these names.
    virtual void gather(BufferView in, std::span<int32_t const> index, BufferView out,
                        Stream& stream) = 0;
    virtual void permute(BufferView in, std::span<int32_t const> assignment_row, int top_k,
                         BufferView out, Stream& stream) = 0;
    virtual void sum_groups(BufferView in, std::span<int64_t const> group_offset,
                            std::span<int32_t const> member, std::span<float const> weight,
                            BufferView out, Stream& stream) = 0;
    virtual void encode(BufferView in, BufferView out, Stream& stream) = 0;
    virtual void encode_scaled(BufferView in, std::span<int32_t const> index,
                               std::span<float const> scale, BufferView out, Stream& stream) = 0;
    virtual void decode(BufferView in, BufferView out, Stream& stream) = 0;

    /// out[i] += in[i], added in fp32 and rounded to the rows' type. Types that compute.
    virtual void add(BufferView in, BufferView out, Stream& stream) = 0;
    /// out[i] *= sigmoid(gate . x[i]), in fp32, rounded to out's type. Types that compute.
    /// \param gate [x.width]
    virtual void scale_by_gate(BufferView x, std::span<float const> gate, BufferView out,
                               Stream& stream) = 0;
};

/// \throws InputError where there is no such device
std::unique_ptr<RowEngine> make_row_engine(DeviceKind device);

/// Of the process's GPU. \throws InputError if built without CUDA
std::unique_ptr<RowEngine> make_cuda_row_engine();

}  // namespace epsim
