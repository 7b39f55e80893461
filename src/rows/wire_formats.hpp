#pragma once

#include <bit>
#include <cstdint>

#include "core/dtype.hpp"

namespace epsim {

// Element types that only travel.

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

// The conversions, for numbers (F = float, W = uint32_t) and for vectors of them alike: without
// branches, and without arithmetic that rounds but for the rounding that they are for. Results are
// no return values, since which registers return a vector depends on the CPU compiled for.

/// To nearest, ties to even; from 65520 on to infinity. NaN stays NaN. \param bits in the lower half
template <class F, class W>
[[gnu::always_inline]] EPSIM_HOST_DEVICE inline void encode(f16, F const& value, W& bits) {
    W const u = __builtin_bit_cast(W, value), magnitude = u & 0x7fffffffu;
    W const normal = ((magnitude + 0xfffu + ((magnitude >> 13) & 1u)) >> 13) - (112u << 10);
    // Added to 1/2, whose last bit stands for 2^-24, a small number is rounded to a multiple of it.
    F const added = __builtin_bit_cast(F, magnitude) + 0.5f;
    W const subnormal = __builtin_bit_cast(W, added) - std::bit_cast<uint32_t>(0.5f);
    W const infinite = W{} + 0x7c00u;
    W const nan = ((magnitude >> 13) & 0x3ffu) | 0x7e00u;
    W const number = magnitude < std::bit_cast<uint32_t>(0x1p-14f) ? subnormal : normal;
    W const finite = magnitude < std::bit_cast<uint32_t>(65520.0f) ? number : infinite;
    bits = (magnitude > 0x7f800000u ? nan : finite) | ((u >> 16) & 0x8000u);
}

/// Exact. \param bits in the lower half, the upper one is zero
template <class F, class W>
[[gnu::always_inline]] EPSIM_HOST_DEVICE inline void decode(f16, W const& bits, F& value) {
    W const magnitude = bits & 0x7fffu;
    W const normal = (magnitude << 13) + (112u << 23);
    W const added = magnitude + std::bit_cast<uint32_t>(0.5f);
    F const subnormal = __builtin_bit_cast(F, added) - 0.5f;
    W const infinite = (magnitude << 13) | 0x7f800000u;
    W const nan = infinite | 0x400000u;
    W const finite = magnitude < 0x400u ? __builtin_bit_cast(W, subnormal) : normal;
    W const special = magnitude > 0x7c00u ? nan : infinite;
    W const number = (magnitude < 0x7c00u ? finite : special) | ((bits & 0x8000u) << 16);
    value = __builtin_bit_cast(F, number);
}

/// To nearest, ties to even, of magnitudes under 464. \param bits in the lowest byte
template <class F, class W>
[[gnu::always_inline]] EPSIM_HOST_DEVICE inline void encode_in_range(f8_e4m3, F const& value,
                                                                     W& bits) {
    W const u = __builtin_bit_cast(W, value), magnitude = u & 0x7fffffffu;
    W const normal = ((magnitude + 0x7ffffu + ((magnitude >> 20) & 1u)) >> 20) - (120u << 3);
    // As for f16: the last bit of 2^14 stands for 2^-9.
    F const added = __builtin_bit_cast(F, magnitude) + 0x1p14f;
    W const subnormal = __builtin_bit_cast(W, added) - std::bit_cast<uint32_t>(0x1p14f);
    W const number = magnitude < std::bit_cast<uint32_t>(0x1p-6f) ? subnormal : normal;
    bits = number | ((u >> 24) & 0x80u);
}

/// The same of any number: what is finite saturates at 448; infinity and NaN become NaN.
template <class F, class W>
[[gnu::always_inline]] EPSIM_HOST_DEVICE inline void encode(f8_e4m3, F const& value, W& bits) {
    W const u = __builtin_bit_cast(W, value), magnitude = u & 0x7fffffffu;
    W number;
    encode_in_range(f8_e4m3{}, value, number);
    W const sign = (u >> 24) & 0x80u, largest = sign | 0x7eu, nan = sign | 0x7fu;
    W const finite = magnitude < std::bit_cast<uint32_t>(largest_f8) ? number : largest;
    bits = magnitude < 0x7f800000u ? finite : nan;
}

/// Exact. \param bits in the lowest byte, the others are zero
template <class F, class W>
[[gnu::always_inline]] EPSIM_HOST_DEVICE inline void decode(f8_e4m3, W const& bits, F& value) {
    W const magnitude = bits & 0x7fu;
    W const normal = (magnitude << 20) + (120u << 23);
    W const added = magnitude + std::bit_cast<uint32_t>(0x1p14f);
    F const subnormal = __builtin_bit_cast(F, added) - 0x1p14f;
    W const nan = W{} + 0x7fc00000u;
    W const finite = magnitude < 8u ? __builtin_bit_cast(W, subnormal) : normal;
    W const number = (magnitude < 0x7fu ? finite : nan) | ((bits & 0x80u) << 24);
    value = __builtin_bit_cast(F, number);
}

EPSIM_HOST_DEVICE inline f16 to_f16(float value) noexcept {
    uint32_t bits;
    encode(f16{}, value, bits);
    return {static_cast<uint16_t>(bits)};
}

EPSIM_HOST_DEVICE inline f8_e4m3 to_f8_e4m3(float value) noexcept {
    uint32_t bits;
    encode(f8_e4m3{}, value, bits);
    return {static_cast<uint8_t>(bits)};
}

EPSIM_HOST_DEVICE inline float to_float(f16 value) noexcept {
    float number;
    decode(value, uint32_t{value.bits}, number);
    return number;
}

EPSIM_HOST_DEVICE inline float to_float(f8_e4m3 value) noexcept {
    float number;
    decode(value, uint32_t{value.bits}, number);
    return number;
}

}  // namespace epsim
