#include "rows/row_codec.hpp"

#include <algorithm>
#include <cstring>

#include "core/simd.hpp"
#include "rows/cpu/f8_rows.hpp"
#include "rows/cpu/lanes.hpp"
#include "rows/cpu/row_checks.hpp"
#include "rows/f16_values.hpp"

namespace epsim {
namespace {

template <class In, class Out>
[[gnu::always_inline]] inline void convert_lanes(In const* in, float factor, Out* out) {
    Lanes x = load_lanes(in);
    x.a *= factor;
    x.b *= factor;
    store_lanes(reorder<In, Out>(x), out);
}

/// `factor` times a row. What is less than a vector at the end goes through one.
template <class In, class Out>
EPSIM_SIMD_CLONES void convert_row(In const* in, float factor, int64_t width, Out* out) {
    int64_t j = 0;
    for (; j + Lanes::columns <= width; j += Lanes::columns) convert_lanes(in + j, factor, out + j);
    if (j == width) return;
    In last[Lanes::columns] = {};
    Out converted[Lanes::columns];
    std::copy_n(in + j, width - j, last);
    convert_lanes(last, factor, converted);
    std::copy_n(converted, width - j, out + j);
}

/// Values on their way from or to f16.
constexpr int64_t staged = 512;

template <class In>
void encode_row(In const* in, float factor, int64_t width, f16* out) {
    float stage[staged];
    for (int64_t j = 0; j < width; j += staged) {
        int64_t const n = std::min(staged, width - j);
        convert_row(in + j, factor, n, stage);
        to_f16(stage, n, out + j);
    }
}
template <class In>
void encode_row(In const* in, float factor, int64_t width, f8_e4m3* out) {
    encode_f8_row(in, factor, width, out);
}
template <class In, class Wire>
void encode_row(In const* in, float factor, int64_t width, Wire* out) {
    convert_row(in, factor, width, out);
}

template <class Out>
void decode_row(f16 const* in, int64_t width, Out* out) {
    float stage[staged];
    for (int64_t j = 0; j < width; j += staged) {
        int64_t const n = std::min(staged, width - j);
        to_floats(in + j, n, stage);
        convert_row(stage, 1.0f, n, out + j);
    }
}
template <class Out>
void decode_row(f8_e4m3 const* in, int64_t width, Out* out) {
    decode_f8_row(in, width, out);
}
template <class Wire, class Out>
void decode_row(Wire const* in, int64_t width, Out* out) {
    convert_row(in, 1.0f, width, out);
}

/// Call f with a value of the C++ type that stores any type.
template <class F>
void dispatch_wire(DType type, F&& f) {
    if (type == DType::f16) return f(f16{});
    if (type == DType::f8_e4m3) return f(f8_e4m3{});
    dispatch_dtype(type, f);
}

}  // namespace

void encode_rows(BufferView in, BufferView out) {
    check_rows(in, out);
    check_computes(in.type);
    check(in.rows == out.rows, "rows in and out differ in number");
    if (in.type == out.type) {
        if (in.bytes() > 0) std::memcpy(out.data, in.data, static_cast<std::size_t>(in.bytes()));
        return;
    }
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_wire(out.type, [&]<class Wire>(Wire) {
            for (int64_t i = 0; i < in.rows; ++i)
                encode_row(in.as<In>() + i * in.width, 1.0f, in.width,
                           reinterpret_cast<Wire*>(out.row(i)));
        });
    });
}

void decode_rows(BufferView in, BufferView out) {
    check_rows(in, out);
    check_computes(out.type);
    check(in.rows == out.rows, "rows in and out differ in number");
    if (in.type == out.type) return encode_rows(in, out);
    dispatch_wire(in.type, [&]<class Wire>(Wire) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            for (int64_t i = 0; i < in.rows; ++i)
                decode_row(reinterpret_cast<Wire const*>(in.row(i)), in.width,
                           out.as<Out>() + i * out.width);
        });
    });
}

void encode_scaled_rows(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                        BufferView out) {
    check_rows(in, out);
    check_computes(in.type);
    check(out.rows == size_of(index), "encoded rows differ from their indices in number");
    check(scale.empty() || scale.size() == index.size(), "scales differ from rows in number");
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_wire(out.type, [&]<class Wire>(Wire) {
            for (std::size_t i = 0; i < index.size(); ++i) {
                std::byte* const to = out.row(static_cast<int64_t>(i));
                if (index[i] < 0)
                    std::memset(to, 0, static_cast<std::size_t>(out.row_bytes()));
                else
                    encode_row(in.as<In>() + index[i] * in.width, scale.empty() ? 1.0f : scale[i],
                               in.width, reinterpret_cast<Wire*>(to));
            }
        });
    });
}

double encoding_error(DType wire, double magnitude, double block_magnitude) {
    double const relative = unit_roundoff(wire) * magnitude;
    switch (wire) {
        case DType::f32:
            return 0;
        case DType::bf16:
            return relative + 0x1p-134;
        case DType::f16:
            return relative + 0x1p-25;
        case DType::f8_e4m3:
            break;
    }
    // The scale itself is rounded to fp32.
    double const scale =
        std::max(block_magnitude / double{largest_f8} * (1 + 0x1p-23), double{least_f8_scale});
    return relative + scale * 0x1p-10;
}

}  // namespace epsim
