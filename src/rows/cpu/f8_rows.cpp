#include "rows/cpu/f8_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/simd.hpp"
#include "rows/cpu/lanes.hpp"

namespace epsim {
namespace {

/// Even and odd columns, times `factor`.
template <class In>
[[gnu::always_inline]] inline Lanes load_pairs(In const* in, float factor) {
    Lanes x = reorder<In, bf16>(load_lanes(in));
    x.a *= factor;
    x.b *= factor;
    return x;
}

/// Bits of magnitudes are ordered as the magnitudes are.
constexpr uint32_t infinite = 0x7f800000u;

/// The largest magnitude, or the largest finite one.
template <bool all_finite, class In>
[[gnu::always_inline]] inline uint32_t largest_magnitude(In const* in, float factor) {
    Words largest{};
    for (int64_t j = 0; j < scale_block; j += Lanes::columns) {
        Lanes const x = load_pairs(in + j, factor);
        for (Floats const& half : {x.a, x.b}) {
            Words magnitude = __builtin_bit_cast(Words, half) & 0x7fffffffu;
            if constexpr (!all_finite) magnitude = magnitude < infinite ? magnitude : Words{};
            largest = magnitude > largest ? magnitude : largest;
        }
    }
    uint32_t result = 0;
    for (std::size_t i = 0; i < sizeof largest / sizeof result; ++i)
        result = std::max(result, largest[i]);
    return result;
}

/// 32 columns, two in each word.
template <bool all_finite, class In>
[[gnu::always_inline]] inline void quantise(In const* in, float factor, float scale, Words& pairs) {
    Lanes const x = load_pairs(in, factor);
    Words even, odd;
    if constexpr (all_finite) {
        encode_in_range(f8_e4m3{}, x.a / scale, even);
        encode_in_range(f8_e4m3{}, x.b / scale, odd);
    } else {
        encode(f8_e4m3{}, x.a / scale, even);
        encode(f8_e4m3{}, x.b / scale, odd);
    }
    pairs = even | (odd << 8);
}

/// A whole block. \return its scale
template <bool all_finite, class In>
[[gnu::always_inline]] inline float encode_block(In const* in, float factor, uint32_t magnitude,
                                                 f8_e4m3* out) {
    float const scale = std::max(std::bit_cast<float>(magnitude) / largest_f8, least_f8_scale);
    for (int64_t j = 0; j < scale_block; j += 2 * Lanes::columns) {
        Words first, second, even, odd;
        quantise<all_finite>(in + j, factor, scale, first);
        quantise<all_finite>(in + j + Lanes::columns, factor, scale, second);
        split_pairs(first, second, even, odd);
        Words const fours = even | (odd << 16);
        std::memcpy(out + j, &fours, sizeof fours);
    }
    return scale;
}

template <class In>
[[gnu::always_inline]] inline float encode_block(In const* in, float factor, f8_e4m3* out) {
    uint32_t const magnitude = largest_magnitude<true>(in, factor);
    if (magnitude < infinite) return encode_block<true>(in, factor, magnitude, out);
    return encode_block<false>(in, factor, largest_magnitude<false>(in, factor), out);
}

template <class In>
EPSIM_SIMD_CLONES void encode_f8(In const* in, float factor, int64_t width, f8_e4m3* out) {
    auto* scale_at = reinterpret_cast<std::byte*>(out + width);
    auto const put_scale = [&](float scale) {
        std::memcpy(scale_at, &scale, sizeof scale);
        scale_at += sizeof scale;
    };
    int64_t j = 0;
    for (; j + scale_block <= width; j += scale_block)
        put_scale(encode_block(in + j, factor, out + j));
    if (j == width) return;
    In last[scale_block] = {};
    f8_e4m3 encoded[scale_block];
    std::copy_n(in + j, width - j, last);
    put_scale(encode_block(last, factor, encoded));
    std::copy_n(encoded, width - j, out + j);
}

/// A whole block.
template <class Out>
[[gnu::always_inline]] inline void decode_block(f8_e4m3 const* in, float scale, Out* out) {
    for (int64_t j = 0; j < scale_block; j += 2 * Lanes::columns) {
        Words fours, pairs[2];
        std::memcpy(&fours, in + j, sizeof fours);
        Words const even = fours & 0xffffu, odd = fours >> 16;
        join_pairs(even, odd, pairs[0], pairs[1]);
        for (int64_t half = 0; half < 2; ++half) {
            Lanes x{};
            Words const low = pairs[half] & 0xffu, high = pairs[half] >> 8;
            decode(f8_e4m3{}, low, x.a);
            decode(f8_e4m3{}, high, x.b);
            x.a *= scale;
            x.b *= scale;
            store_lanes(reorder<bf16, Out>(x), out + j + half * Lanes::columns);
        }
    }
}

template <class Out>
EPSIM_SIMD_CLONES void decode_f8(f8_e4m3 const* in, int64_t width, Out* out) {
    auto const* scale_at = reinterpret_cast<std::byte const*>(in + width);
    auto const next_scale = [&] {
        float scale;
        std::memcpy(&scale, scale_at, sizeof scale);
        scale_at += sizeof scale;
        return scale;
    };
    int64_t j = 0;
    for (; j + scale_block <= width; j += scale_block) decode_block(in + j, next_scale(), out + j);
    if (j == width) return;
    f8_e4m3 last[scale_block] = {};
    Out decoded[scale_block];
    std::copy_n(in + j, width - j, last);
    decode_block(last, next_scale(), decoded);
    std::copy_n(decoded, width - j, out + j);
}

}  // namespace

void encode_f8_row(float const* in, float factor, int64_t width, f8_e4m3* out) {
    encode_f8(in, factor, width, out);
}
void encode_f8_row(bf16 const* in, float factor, int64_t width, f8_e4m3* out) {
    encode_f8(in, factor, width, out);
}
void decode_f8_row(f8_e4m3 const* in, int64_t width, float* out) {
    decode_f8(in, width, out);
}
void decode_f8_row(f8_e4m3 const* in, int64_t width, bf16* out) {
    decode_f8(in, width, out);
}

}  // namespace epsim
