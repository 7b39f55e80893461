#include "layer/wire_round_trip.hpp"

#include <algorithm>

#include "rows/row_codec.hpp"

namespace epsim {
namespace {

constexpr int32_t row = 0;

void load(std::span<float const> x, BufferView out) {
    dispatch_dtype(out.type, [&]<class T>(T) {
        std::ranges::transform(x, out.as<T>(), [](float v) { return from_float<T>(v); });
    });
}

void store(BufferView in, std::span<float> out) {
    dispatch_dtype(in.type, [&]<class T>(T) {
        std::transform(in.as<T>(), in.as<T>() + in.width, out.begin(),
                       [](T v) { return to_float(v); });
    });
}

}  // namespace

WireRoundTrip::WireRoundTrip(LayerSpec const& spec)
    : spec_(spec),
      model_(spec.dtype, spec.shape.hidden),
      wire_(spec.wire_dtype, spec.shape.hidden),
      received_(spec.routed().in_dtype, spec.shape.hidden),
      scaled_(spec.routed().in_dtype, spec.shape.hidden) {}

void WireRoundTrip::run(std::span<float const> x, float weight, std::span<float> out) {
    bool const scaled = spec_.shape.weight_at == WeightAt::input;
    bool const at_source = spec_.dedup == Dedup::none;
    if (!scaled && spec_.wire_dtype == spec_.dtype) {
        std::ranges::copy(x, out.begin());
        return;
    }
    load(x, model_.rows(1));
    if (scaled && at_source)
        encode_scaled_rows(model_.rows(1), {&row, 1}, {&weight, 1}, wire_.rows(1));
    else
        encode_rows(model_.rows(1), wire_.rows(1));
    BufferView received = wire_.rows(1);
    if (!computes_in(spec_.wire_dtype)) {
        received = received_.rows(1);
        decode_rows(wire_.rows(1), received);
    }
    if (scaled && !at_source) {
        encode_scaled_rows(received, {&row, 1}, {&weight, 1}, scaled_.rows(1));
        received = scaled_.rows(1);
    }
    store(received, out);
}

}  // namespace epsim
