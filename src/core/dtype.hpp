#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/host_device.hpp"

namespace epsim {

/// Element types of rows and weights. f16 and f8_e4m3 only travel: nothing computes in them.
enum class DType { f32, bf16, f16, f8_e4m3 };

/// What weights and results are held in, and what partial sums travel in.
inline constexpr std::array compute_dtypes{DType::f32, DType::bf16};
/// What dispatched rows travel in.
inline constexpr std::array wire_dtypes{DType::f32, DType::bf16, DType::f16, DType::f8_e4m3};

/// Whether a type is one of compute_dtypes.
constexpr bool computes_in(DType type) noexcept {
    return type == DType::f32 || type == DType::bf16;
}

/// Of one element.
EPSIM_HOST_DEVICE constexpr int64_t bytes_of(DType type) noexcept {
    constexpr std::array<int64_t, 4> bytes{4, 2, 2, 1};
    return bytes[static_cast<std::size_t>(type)];
}

/// Consecutive f8_e4m3 elements of a row that share one fp32 scale.
inline constexpr int64_t scale_block = 128;

/// Of a row of `width` elements. A row of f8_e4m3 is its elements, then a scale a started block.
EPSIM_HOST_DEVICE constexpr int64_t row_bytes(DType type, int64_t width) noexcept {
    int64_t const scales = type == DType::f8_e4m3 ? (width + scale_block - 1) / scale_block : 0;
    return width * bytes_of(type) + scales * static_cast<int64_t>(sizeof(float));
}

/// "fp32", "bf16", "fp16" or "fp8", as on the command line.
std::string_view name_of(DType type) noexcept;

/// \throws InputError naming the choices.
DType dtype_from(std::string_view name, std::span<DType const> choices = compute_dtypes);

/// Largest relative rounding error of one conversion from the reals (half an ulp) into the range of
/// the type's normal numbers.
constexpr double unit_roundoff(DType type) noexcept {
    constexpr std::array roundoff{0x1p-24, 0x1p-8, 0x1p-11, 0x1p-4};
    return roundoff[static_cast<std::size_t>(type)];
}

/// The upper half of an IEEE 754 binary32: 8 exponent and 7 stored significand bits.
struct bf16 {
    uint16_t bits;
};

/// Round to nearest, ties to even. NaN stays NaN.
EPSIM_HOST_DEVICE inline bf16 to_bf16(float value) noexcept {
    auto const u = std::bit_cast<uint32_t>(value);
    if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((u >> 16) | 0x40u)};
    return {static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}

EPSIM_HOST_DEVICE inline float to_float(bf16 value) noexcept {
    return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}
EPSIM_HOST_DEVICE inline float to_float(float value) noexcept {
    return value;
}

template <class T>
EPSIM_HOST_DEVICE T from_float(float value) noexcept;
template <>
EPSIM_HOST_DEVICE inline float from_float<float>(float value) noexcept {
    return value;
}
template <>
EPSIM_HOST_DEVICE inline bf16 from_float<bf16>(float value) noexcept {
    return to_bf16(value);
}

/// Call f with a value of the C++ type that stores a type of compute_dtypes: dispatch(t, [](auto
/// zero) {...}).
template <class F>
decltype(auto) dispatch_dtype(DType type, F&& f) {
    if (type == DType::f32) return f(float{});
    return f(bf16{});
}

}  // namespace epsim
