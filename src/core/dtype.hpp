#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace epsim {

/// Element types of rows and weights.
enum class DType { f32, bf16 };

constexpr int64_t bytes_of(DType type) noexcept {
    return type == DType::f32 ? 4 : 2;
}

/// "fp32" or "bf16", as on the command line.
std::string_view name_of(DType type) noexcept;

/// \throws InputError naming the choices.
DType dtype_from(std::string_view name);

/// Largest relative rounding error of one conversion from the reals (half an ulp).
constexpr double unit_roundoff(DType type) noexcept {
    return type == DType::f32 ? 0x1p-24 : 0x1p-8;
}

/// The upper half of an IEEE 754 binary32: 8 exponent and 7 stored significand bits.
struct bf16 {
    uint16_t bits;
};

/// Round to nearest, ties to even. NaN stays NaN.
inline bf16 to_bf16(float value) noexcept {
    auto const u = std::bit_cast<uint32_t>(value);
    if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((u >> 16) | 0x40u)};
    return {static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}

inline float to_float(bf16 value) noexcept {
    return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}
inline float to_float(float value) noexcept {
    return value;
}

template <class T>
T from_float(float value) noexcept;
template <>
inline float from_float<float>(float value) noexcept {
    return value;
}
template <>
inline bf16 from_float<bf16>(float value) noexcept {
    return to_bf16(value);
}

/// Call f with a value of the C++ type that stores `type`: dispatch(t, [](auto zero) {...}).
template <class F>
decltype(auto) dispatch_dtype(DType type, F&& f) {
    if (type == DType::f32) return f(float{});
    return f(bf16{});
}

}  // namespace epsim
