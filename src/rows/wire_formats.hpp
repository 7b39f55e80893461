#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/dtype.hpp"

namespace epsim {

// Element types that only travel. The conversions have no branches, so that loops over them are
// vectorised; all arithmetic in them is exact but the rounding that they are for.

/// IEEE 754 binary16: 5 exponent and 10 stored significand bits.
struct f16 {
    uint16_t bits;
};

/// OCP 8-bit floating point (Micikevicius et al. 2022, table 1), E4M3: 4 exponent bits of bias 7, 3
/// stored significand bits, no infinity, S.1111.111 is NaN; the largest is 448, the least 2^-9.
struct f8_e4m3 {
    uint8_t bits;
};
inline constexpr float largest_f8 = 448.0f;

/// Round to nearest, ties to even; from 65520 on to infinity. NaN stays NaN.
inline f16 to_f16(float value) noexcept {
    auto const u = std::bit_cast<uint32_t>(value);
    uint32_t const sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
    uint32_t const normal = ((magnitude + 0xfffu + ((magnitude >> 13) & 1u)) >> 13) - (112u << 10);
    // Added to 1/2, whose last bit stands for 2^-24, a small number is rounded to a multiple of it.
    uint32_t const subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
                               std::bit_cast<uint32_t>(0.5f);
    uint32_t const nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    uint32_t const finite =
        magnitude < std::bit_cast<uint32_t>(0x1p-14f) ? subnormal : std::min(normal, 0x7c00u);
    return {static_cast<uint16_t>(sign | (magnitude > 0x7f800000u ? nan : finite))};
}

/// Exact.
inline float to_float(f16 value) noexcept {
    uint32_t const magnitude = value.bits & 0x7fffu, sign = (value.bits & 0x8000u) << 16;
    uint32_t const normal = (magnitude << 13) + (112u << 23);
    uint32_t const subnormal =
        std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
    uint32_t const special = (magnitude << 13) | 0x7f800000u | (magnitude > 0x7c00u) << 22;
    uint32_t const number = magnitude < 0x400u ? subnormal : normal;
    return std::bit_cast<float>(sign | (magnitude >= 0x7c00u ? special : number));
}

/// Round to nearest, ties to even; finite numbers saturate at 448. Infinity and NaN become NaN.
inline f8_e4m3 to_f8_e4m3(float value) noexcept {
    auto const u = std::bit_cast<uint32_t>(value);
    uint32_t const sign = (u >> 24) & 0x80u, magnitude = u & 0x7fffffffu;
    uint32_t const normal = ((magnitude + 0x7ffffu + ((magnitude >> 20) & 1u)) >> 20) - (120u << 3);
    // As for f16: the last bit of 2^14 stands for 2^-9.
    uint32_t const subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0x1p14f) -
                               std::bit_cast<uint32_t>(0x1p14f);
    uint32_t const finite =
        magnitude < std::bit_cast<uint32_t>(0x1p-6f) ? subnormal : std::min(normal, 0x7eu);
    return {static_cast<uint8_t>(sign | (magnitude >= 0x7f800000u ? 0x7fu : finite))};
}

/// Exact.
inline float to_float(f8_e4m3 value) noexcept {
    uint32_t const magnitude = value.bits & 0x7fu;
    uint32_t const sign = (value.bits & 0x80u) << 24;
    uint32_t const normal = (magnitude << 20) + (120u << 23);
    uint32_t const subnormal =
        std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-9f);
    uint32_t const number = magnitude < 8u ? subnormal : normal;
    return std::bit_cast<float>(sign | (magnitude == 0x7fu ? 0x7fc00000u : number));
}

template <>
inline f16 from_float<f16>(float value) noexcept {
    return to_f16(value);
}
template <>
inline f8_e4m3 from_float<f8_e4m3>(float value) noexcept {
    return to_f8_e4m3(value);
}

}  // namespace epsim
