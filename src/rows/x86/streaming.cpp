#include "rows/streaming.hpp"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

// The write-combining buffers make whole lines of 16 bytes at a time: wider stores are no faster.
// Nor are they what rows that begin or end within a line need: there, words that are streamed meet
// no cache, where plain stores would first read the line (bench/permute_bench: rows of 7392 B).

namespace epsim {
namespace {

constexpr int64_t word = 4, vector = 16;  // bytes

/// Bytes up to the next multiple of `alignment`.
int64_t up_to_multiple(std::byte const* p, int64_t alignment) {
    auto const past = static_cast<int64_t>(reinterpret_cast<uintptr_t>(p)) & (alignment - 1);
    return past == 0 ? 0 : alignment - past;
}

void stream_word(std::byte const* from, std::byte* to) {
    int value;
    std::memcpy(&value, from, word);
    _mm_stream_si32(reinterpret_cast<int*>(to), value);
}

void stream_vector(std::byte const* from, std::byte* to) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to),
                     _mm_loadu_si128(reinterpret_cast<__m128i const*>(from)));
}

}  // namespace

void stream_bytes(std::byte const* from, std::byte* to, int64_t bytes) {
    int64_t i = std::min(bytes, up_to_multiple(to, word));
    std::copy_n(from, i, to);
    int64_t const head = std::min(bytes, up_to_multiple(to, vector));
    for (; i + word <= head; i += word) stream_word(from + i, to + i);
    for (; i + vector <= bytes; i += vector) stream_vector(from + i, to + i);
    for (; i + word <= bytes; i += word) stream_word(from + i, to + i);
    std::copy_n(from + i, bytes - i, to + i);
}

void fence_streams() {
    _mm_sfence();
}

}  // namespace epsim
