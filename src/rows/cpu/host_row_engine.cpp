#include <cmath>

#include "rows/cpu/row_checks.hpp"
#include "rows/permute.hpp"
#include "rows/row_codec.hpp"
#include "rows/row_engine.hpp"

namespace epsim {
namespace {

class HostRowEngine final : public RowEngine {
public:
    void gather(BufferView in, std::span<int32_t const> index, BufferView out, Stream&) override {
        gather_rows(in, index, out);
    }
    void permute(BufferView in, std::span<int32_t const> assignment_row, int top_k, BufferView out,
                 Stream&) override {
        permute_rows(in, assignment_row, top_k, out);
    }
    void sum_groups(BufferView in, std::span<int64_t const> group_offset,
                    std::span<int32_t const> member, std::span<float const> weight, BufferView out,
                    Stream&) override {
        weighted_sum_groups(in, group_offset, member, weight, out);
    }
    void encode(BufferView in, BufferView out, Stream&) override { encode_rows(in, out); }
    void encode_scaled(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                       BufferView out, Stream&) override {
        encode_scaled_rows(in, index, scale, out);
    }
    void decode(BufferView in, BufferView out, Stream&) override { decode_rows(in, out); }

    void add(BufferView in, BufferView out, Stream&) override {
        check_rows(in, out);
        check_same_type(in, out);
        dispatch_dtype(out.type, [&]<class T>(T) {
            auto const* a = in.as<T>();
            auto* b = out.as<T>();
            for (int64_t i = 0; i < out.rows * out.width; ++i)
                b[i] = from_float<T>(to_float(b[i]) + to_float(a[i]));
        });
    }

    void scale_by_gate(BufferView x, std::span<float const> gate, BufferView out,
                       Stream&) override {
        check_rows(x, out);
        dispatch_dtype(x.type, [&]<class In>(In) {
            dispatch_dtype(out.type, [&]<class Out>(Out) {
                for (int64_t t = 0; t < x.rows; ++t)
                    scale_row(x.as<In>() + t * x.width, gate, out.as<Out>() + t * out.width);
            });
        });
    }

private:
    template <class In, class Out>
    static void scale_row(In const* x, std::span<float const> gate, Out* y) {
        float score = 0;
        for (std::size_t c = 0; c < gate.size(); ++c) score += gate[c] * to_float(x[c]);
        float const scale = 1.0f / (1.0f + std::exp(-score));
        for (std::size_t c = 0; c < gate.size(); ++c)
            y[c] = from_float<Out>(to_float(y[c]) * scale);
    }
};

}  // namespace

std::unique_ptr<RowEngine> make_row_engine(DeviceKind device) {
    if (device == DeviceKind::cuda) return make_cuda_row_engine();
    return std::make_unique<HostRowEngine>();
}

}  // namespace epsim
