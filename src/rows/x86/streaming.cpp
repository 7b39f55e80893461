#include "rows/streaming.hpp"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

// Rows that begin or end within a line: words that are streamed meet no cache there, where plain
// stores would first read the line (bench/permute_bench: rows of 7392 B). To memory alone, 16 bytes
// at a time are as fast as lines, since the write-combining buffers make lines of them; lines leave
// the core more time for what it does besides (weighted sums).

namespace epsim {
namespace {

constexpr int64_t word = 4, vector = 16, line = 64;  // bytes

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

/// \return how many bytes of whole lines it streamed. \param to aligned to lines
[[gnu::target("avx512f")]] int64_t stream_lines(std::byte const* from, std::byte* to,
                                                int64_t bytes) {
    int64_t i = 0;
    for (; i + line <= bytes; i += line)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
    return i;
}

}  // namespace

void stream_bytes(std::byte const* from, std::byte* to, int64_t bytes) {
    int64_t i = std::min(bytes, up_to_multiple(to, word));
    std::copy_n(from, i, to);
    auto const stream_words = [&](int64_t last) {
        for (; i + word <= last; i += word) stream_word(from + i, to + i);
    };
    auto const stream_vectors = [&](int64_t last) {
        for (; i + vector <= last; i += vector) stream_vector(from + i, to + i);
    };
    stream_words(std::min(bytes, up_to_multiple(to, vector)));
    stream_vectors(std::min(bytes, up_to_multiple(to, line)));
    if (i < bytes && __builtin_cpu_supports("avx512f"))
        i += stream_lines(from + i, to + i, bytes - i);
    stream_vectors(bytes);
    stream_words(bytes);
    std::copy_n(from + i, bytes - i, to + i);
}

void fence_streams() {
    _mm_sfence();
}

}  // namespace epsim
