#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/dtype.hpp"
#include "core/host_device.hpp"
#include "rows/wire_formats.hpp"

namespace epsim::gpu {

// What one GPU thread does, as functions of its indices. Kernels (rows/cuda) spread the calls over
// threads; tests make the same calls in loops on the CPU and compare with rows/permute and
// rows/row_codec, bit for bit. A thread works on a lane: 8 consecutive columns of a row.

inline constexpr int64_t lane = 8;
/// Lanes of a block of f8_e4m3 that shares a scale: neighbouring threads.
inline constexpr int64_t scale_lanes = scale_block / lane;

EPSIM_HOST_DEVICE constexpr int64_t lanes_of(int64_t width) noexcept {
    return (width + lane - 1) / lane;
}

/// What is moved at once.
struct alignas(16) Word16 {
    uint32_t part[4];
};
struct alignas(8) Word8 {
    uint32_t part[2];
};

/// The largest of 16, 4, 2 and 1 bytes of which all of these are multiples.
/// \param sizes_and_addresses joined by "or"
EPSIM_HOST_DEVICE constexpr int word_bytes(uint64_t sizes_and_addresses) noexcept {
    if (sizes_and_addresses % 16 == 0) return 16;
    if (sizes_and_addresses % 4 == 0) return 4;
    return sizes_and_addresses % 2 == 0 ? 2 : 1;
}

/// Whether all lanes of rows of T are whole and aligned to their words.
template <class T>
bool lanes_are_words(void const* rows, int64_t row_bytes, int64_t width) noexcept {
    constexpr uint64_t word = sizeof(T) * lane < 16 ? sizeof(T) * lane : 16;
    return width % lane == 0 &&
           (reinterpret_cast<uintptr_t>(rows) | static_cast<uint64_t>(row_bytes)) % word == 0;
}

/// Byte word `i` of the copy of a row: a zero where there is no row.
template <class Word>
EPSIM_HOST_DEVICE inline Word gathered_word(std::byte const* in, int64_t row_bytes, int32_t row,
                                            int64_t i) noexcept {
    if (row < 0) return Word{};
    return reinterpret_cast<Word const*>(in + row * row_bytes)[i];
}

/// Word `i` of a token to all of its rows. \param choice [top_k] of the token
template <class Word>
EPSIM_HOST_DEVICE inline void permute_word(std::byte const* in, int64_t row_bytes, int64_t token,
                                           int32_t const* choice, int top_k, int64_t i,
                                           std::byte* out) noexcept {
    Word const word = reinterpret_cast<Word const*>(in + token * row_bytes)[i];
    for (int c = 0; c < top_k; ++c)
        if (choice[c] >= 0) reinterpret_cast<Word*>(out + choice[c] * row_bytes)[i] = word;
}

/// Columns [column, column + 8) of a row as fp32; zeros past its end.
/// \param words as lanes_are_words says
template <class T>
EPSIM_HOST_DEVICE inline void load_lane(T const* row, int64_t column, int64_t width, bool words,
                                        float (&x)[lane]) noexcept {
    T element[lane];
    if (words) {
        if constexpr (sizeof element == 8) {
            Word8 const word = *reinterpret_cast<Word8 const*>(row + column);
            memcpy(element, &word, sizeof element);
        } else {
            Word16 word[sizeof element / 16];
            for (std::size_t w = 0; w < sizeof element / 16; ++w)
                word[w] = reinterpret_cast<Word16 const*>(row + column)[w];
            memcpy(element, word, sizeof element);
        }
        for (int64_t j = 0; j < lane; ++j) x[j] = to_float(element[j]);
    } else {
        for (int64_t j = 0; j < lane; ++j)
            x[j] = column + j < width ? to_float(row[column + j]) : 0.0f;
    }
}

EPSIM_HOST_DEVICE inline void round_to(float value, float& out) noexcept {
    out = value;
}
EPSIM_HOST_DEVICE inline void round_to(float value, bf16& out) noexcept {
    out = to_bf16(value);
}
EPSIM_HOST_DEVICE inline void round_to(float value, f16& out) noexcept {
    out = to_f16(value);
}
EPSIM_HOST_DEVICE inline void round_to(float value, f8_e4m3& out) noexcept {
    out = to_f8_e4m3(value);
}

/// The reverse: each value rounded once to T; nothing past the row's end.
template <class T>
EPSIM_HOST_DEVICE inline void store_lane(float const (&x)[lane], int64_t column, int64_t width,
                                         bool words, T* row) noexcept {
    T element[lane];
    for (int64_t j = 0; j < lane; ++j) round_to(x[j], element[j]);
    if (words) {
        if constexpr (sizeof element == 8) {
            Word8 word;
            memcpy(&word, element, sizeof element);
            *reinterpret_cast<Word8*>(row + column) = word;
        } else {
            Word16 word[sizeof element / 16];
            memcpy(word, element, sizeof element);
            for (std::size_t w = 0; w < sizeof element / 16; ++w)
                reinterpret_cast<Word16*>(row + column)[w] = word[w];
        }
    } else {
        for (int64_t j = 0; j < lane; ++j)
            if (column + j < width) row[column + j] = element[j];
    }
}

/// A lane of a weighted sum, as rows/permute.hpp defines it: each product rounded, then each sum.
/// \param weight null = all one
template <class In>
EPSIM_HOST_DEVICE inline void sum_lane(In const* in, int64_t width, bool words,
                                       int32_t const* member, float const* weight, int64_t first,
                                       int64_t last, int64_t column, float (&sum)[lane]) noexcept {
    for (int64_t j = 0; j < lane; ++j) sum[j] = 0;
    for (int64_t i = first; i < last; ++i) {
        int32_t const row = member[i];
        if (row < 0) continue;
        float x[lane];
        load_lane(in + row * width, column, width, words, x);
        float const w = weight ? weight[i] : 1.0f;
        for (int64_t j = 0; j < lane; ++j) sum[j] = sum[j] + w * x[j];
    }
}

/// Bits of the largest finite magnitude of a lane; those of numbers are ordered as the numbers are.
EPSIM_HOST_DEVICE inline uint32_t largest_finite(float const (&x)[lane]) noexcept {
    uint32_t largest = 0;
    for (int64_t j = 0; j < lane; ++j) {
        uint32_t const magnitude = std::bit_cast<uint32_t>(x[j]) & 0x7fffffffu;
        if (magnitude < 0x7f800000u && magnitude > largest) largest = magnitude;
    }
    return largest;
}

/// Scale of a block of f8_e4m3 whose largest finite magnitude has these bits.
EPSIM_HOST_DEVICE inline float f8_scale(uint32_t magnitude) noexcept {
    float const scale = std::bit_cast<float>(magnitude) / largest_f8;
    return scale < 0x1p-126f ? 0x1p-126f : scale;
}

/// Where the scale of the block of a column lies in a row of f8_e4m3; at any alignment.
EPSIM_HOST_DEVICE inline int64_t scale_at(int64_t width, int64_t column) noexcept {
    return width + column / scale_block * static_cast<int64_t>(sizeof(float));
}

/// A lane of an encoded row but for f8_e4m3's scale. \param scale 1 for other types
template <class Wire>
EPSIM_HOST_DEVICE inline void encode_lane(float (&x)[lane], float scale, int64_t column,
                                          int64_t width, bool words, Wire* row) noexcept {
    if constexpr (sizeof(Wire) == 1)
        for (int64_t j = 0; j < lane; ++j) x[j] = x[j] / scale;
    store_lane(x, column, width, words, row);
}

/// A lane of a decoded row of f8_e4m3.
EPSIM_HOST_DEVICE inline void apply_scale(std::byte const* row, int64_t width, int64_t column,
                                          float (&x)[lane]) noexcept {
    float scale;
    memcpy(&scale, row + scale_at(width, column), sizeof scale);
    for (int64_t j = 0; j < lane; ++j) x[j] = x[j] * scale;
}

}  // namespace epsim::gpu
