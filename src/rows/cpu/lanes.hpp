#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/dtype.hpp"

namespace epsim {

// 32 columns as two vectors of fp32. The compiler makes of them what the CPU has: one register of
// AVX-512 each, two of AVX2, four of SSE2, with the same bits. No function returns a vector by
// itself (std::bit_cast would): in which registers depends on the CPU that it is compiled for.

using Floats [[gnu::vector_size(64)]] = float;
using Words [[gnu::vector_size(64)]] = uint32_t;

struct Lanes {
    static constexpr int64_t columns = 32;
    Floats a, b;
};

static_assert(std::endian::native == std::endian::little);

/// f32: a holds the first 16 columns, b the others. bf16: a holds the even ones, b the odd ones,
/// which spares the shuffles.
[[gnu::always_inline]] inline Lanes load_lanes(float const* x) {
    Lanes lanes{};
    std::memcpy(&lanes, x, sizeof lanes);
    return lanes;
}
[[gnu::always_inline]] inline Lanes load_lanes(bf16 const* x) {
    Words pairs;
    std::memcpy(&pairs, x, sizeof pairs);
    return {__builtin_bit_cast(Floats, pairs << 16),
            __builtin_bit_cast(Floats, pairs & 0xffff0000u)};
}
/// The even and the odd ones of 32 elements.
template <class Vector>
[[gnu::always_inline]] inline void split_pairs(Vector const& x, Vector const& y, Vector& even,
                                               Vector& odd) {
    even = __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    odd = __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
/// The reverse.
template <class Vector>
[[gnu::always_inline]] inline void join_pairs(Vector const& even, Vector const& odd, Vector& x,
                                              Vector& y) {
    x = __builtin_shufflevector(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    y = __builtin_shufflevector(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                31);
}

/// From the order in which rows of In are loaded to that in which rows of Out are stored.
template <class In, class Out>
[[gnu::always_inline]] inline Lanes reorder(Lanes const& x) {
    Lanes y = x;
    if constexpr (sizeof(In) > sizeof(Out)) split_pairs(x.a, x.b, y.a, y.b);
    if constexpr (sizeof(In) < sizeof(Out)) join_pairs(x.a, x.b, y.a, y.b);
    return y;
}

/// As to_bf16. \param bits in the upper half, the lower one is undefined
[[gnu::always_inline]] inline void encode(bf16, Floats const& x, Words& bits) {
    auto const u = __builtin_bit_cast(Words, x);
    Words const nan = u | 0x400000u;
    Words const number = u + 0x7fffu + ((u >> 16) & 1u);
    bits = (u & 0x7fffffffu) > 0x7f800000u ? nan : number;
}

[[gnu::always_inline]] inline void store_lanes(Lanes const& lanes, float* out) {
    std::memcpy(out, &lanes, sizeof lanes);
}
[[gnu::always_inline]] inline void store_lanes(Lanes const& lanes, bf16* out) {
    Words even, odd;
    encode(bf16{}, lanes.a, even);
    encode(bf16{}, lanes.b, odd);
    Words const pairs = (even >> 16) | (odd & 0xffff0000u);
    std::memcpy(out, &pairs, sizeof pairs);
}
}  // namespace epsim
