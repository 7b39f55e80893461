#include "rows/row_codec.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/simd.hpp"
#include "rows/cpu/row_checks.hpp"
#include "rows/wire_formats.hpp"

namespace epsim {
namespace {

constexpr float least_scale = std::numeric_limits<float>::min();

/// Largest finite magnitude of a block.
[[gnu::always_inline]] inline float finite_magnitude(float const* x) {
    int32_t largest = 0;
    for (int64_t j = 0; j < scale_block; ++j) {
        auto const magnitude = std::bit_cast<int32_t>(x[j]) & 0x7fffffff;
        largest = std::max(largest, magnitude < 0x7f800000 ? magnitude : 0);
    }
    return std::bit_cast<float>(largest);
}

/// `factor` times a row, in the type of the wire.
template <class In, class Wire>
EPSIM_SIMD_CLONES void encode_row(In const* in, float factor, int64_t width, Wire* out) {
    for (int64_t j = 0; j < width; ++j) out[j] = from_float<Wire>(factor * to_float(in[j]));
}

template <class In>
EPSIM_SIMD_CLONES void encode_row(In const* in, float factor, int64_t width, f8_e4m3* out) {
    auto* scale_at = reinterpret_cast<std::byte*>(out + width);
    alignas(64) float x[scale_block];
    alignas(64) f8_e4m3 q[scale_block];
    for (int64_t first = 0; first < width; first += scale_block) {
        int64_t const n = std::min(scale_block, width - first);
        if (n < scale_block) std::fill_n(x, scale_block, 0.0f);
        for (int64_t j = 0; j < n; ++j) x[j] = factor * to_float(in[first + j]);
        float const scale = std::max(finite_magnitude(x) / largest_f8, least_scale);
        for (int64_t j = 0; j < scale_block; ++j) q[j] = to_f8_e4m3(x[j] / scale);
        std::copy_n(q, n, out + first);
        std::memcpy(scale_at, &scale, sizeof scale);
        scale_at += sizeof scale;
    }
}

template <class Wire, class Out>
EPSIM_SIMD_CLONES void decode_row(Wire const* in, int64_t width, Out* out) {
    for (int64_t j = 0; j < width; ++j) out[j] = from_float<Out>(to_float(in[j]));
}

template <class Out>
EPSIM_SIMD_CLONES void decode_row(f8_e4m3 const* in, int64_t width, Out* out) {
    auto const* scale_at = reinterpret_cast<std::byte const*>(in + width);
    for (int64_t first = 0; first < width; first += scale_block) {
        int64_t const n = std::min(scale_block, width - first);
        float scale;
        std::memcpy(&scale, scale_at, sizeof scale);
        scale_at += sizeof scale;
        for (int64_t j = first; j < first + n; ++j)
            out[j] = from_float<Out>(scale * to_float(in[j]));
    }
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
    check_computes(in);
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
    check_computes(out);
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
    check_computes(in);
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
        std::max(block_magnitude / double{largest_f8} * (1 + 0x1p-23), double{least_scale});
    return relative + scale * 0x1p-10;
}

}  // namespace epsim
