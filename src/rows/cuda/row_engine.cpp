#include "rows/row_engine.hpp"

#include "core/error.hpp"
#include "device/cuda/stream.hpp"
#include "device/cuda/upload.hpp"
#include "device/device_memory.hpp"
#include "rows/cuda/kernels.cuh"

namespace epsim {
namespace {

void check_on_gpu(BufferView in, BufferView out) {
    check(in.device == DeviceKind::cuda && out.device == DeviceKind::cuda,
          "rows are not on the GPU");
    check(in.width == out.width, "rows in and out differ in width");
}

int64_t size_of(auto const& span) {
    return static_cast<int64_t>(span.size());
}

class CudaRowEngine final : public RowEngine {
public:
    void gather(BufferView in, std::span<int32_t const> index, BufferView out,
                Stream& stream) override {
        check_on_gpu(in, out);
        check(in.type == out.type && out.rows == size_of(index),
              "gathered rows differ from their indices in number, or in type");
        gpu::gather(in, index_(index, native(stream)), out, native(stream));
    }

    void permute(BufferView in, std::span<int32_t const> assignment_row, int top_k, BufferView out,
                 Stream& stream) override {
        check_on_gpu(in, out);
        check(in.type == out.type && top_k >= 1 && size_of(assignment_row) == in.rows * top_k,
              "assignments differ from tokens x choices in number, or rows in type");
        gpu::permute(in, index_(assignment_row, native(stream)), top_k, out, native(stream));
    }

    void sum_groups(BufferView in, std::span<int64_t const> group_offset,
                    std::span<int32_t const> member, std::span<float const> weight, BufferView out,
                    Stream& stream) override {
        check_on_gpu(in, out);
        check(size_of(group_offset) == out.rows + 1 && group_offset.front() >= 0 &&
                  group_offset.back() <= size_of(member),
              "groups lie outside of their members");
        check(weight.empty() || weight.size() == member.size(),
              "weights differ from members in number");
        auto const s = native(stream);
        gpu::sum_groups(in, offset_(group_offset, s), index_(member, s), weight_(weight, s), out,
                        s);
    }

    void encode(BufferView in, BufferView out, Stream& stream) override {
        check_on_gpu(in, out);
        check(in.rows == out.rows, "rows in and out differ in number");
        if (in.type == out.type) return copy_rows(in, out, stream);
        gpu::encode(in, nullptr, nullptr, out, native(stream));
    }

    void encode_scaled(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                       BufferView out, Stream& stream) override {
        check_on_gpu(in, out);
        check(out.rows == size_of(index) && (scale.empty() || scale.size() == index.size()),
              "encoded rows differ from their indices or scales in number");
        auto const s = native(stream);
        gpu::encode(in, index_(index, s), weight_(scale, s), out, s);
    }

    void decode(BufferView in, BufferView out, Stream& stream) override {
        check_on_gpu(in, out);
        check(in.rows == out.rows, "rows in and out differ in number");
        if (in.type == out.type) return copy_rows(in, out, stream);
        gpu::decode(in, out, native(stream));
    }

    void add(BufferView in, BufferView out, Stream& stream) override {
        check_on_gpu(in, out);
        check(in.type == out.type && in.rows == out.rows, "rows added differ in type or number");
        gpu::add(in, out, native(stream));
    }

    void scale_by_gate(BufferView x, std::span<float const> gate, BufferView out,
                       Stream& stream) override {
        check_on_gpu(x, out);
        check(x.rows == out.rows && size_of(gate) == x.width, "a gate differs from rows in width");
        gpu::scale_by_gate(x, weight_(gate, native(stream)), out, native(stream));
    }

private:
    Upload<int32_t> index_;
    Upload<int64_t> offset_;
    Upload<float> weight_;
};

}  // namespace

std::unique_ptr<RowEngine> make_cuda_row_engine() {
    return std::make_unique<CudaRowEngine>();
}

}  // namespace epsim
