#include "rows/streaming.hpp"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace epsim {
namespace {

constexpr int64_t line = 64;

[[gnu::target("avx512f")]] void stream_lines_512(std::byte const* from, std::byte* to,
                                                 int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += line)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
}

[[gnu::target("avx2")]] void stream_lines_256(std::byte const* from, std::byte* to, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += line / 2)
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                            _mm256_loadu_si256(reinterpret_cast<__m256i const*>(from + i)));
}

void stream_lines_128(std::byte const* from, std::byte* to, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += line / 4)
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                         _mm_loadu_si128(reinterpret_cast<__m128i const*>(from + i)));
}

/// \param to aligned to lines   \param bytes whole lines
void stream_lines(std::byte const* from, std::byte* to, int64_t bytes) {
    if (__builtin_cpu_supports("avx512f")) return stream_lines_512(from, to, bytes);
    if (__builtin_cpu_supports("avx2")) return stream_lines_256(from, to, bytes);
    stream_lines_128(from, to, bytes);
}

}  // namespace

void stream_bytes(std::byte const* from, std::byte* to, int64_t bytes) {
    auto const past_line = static_cast<int64_t>(reinterpret_cast<uintptr_t>(to) % line);
    int64_t const head = std::min(bytes, (line - past_line) % line);
    int64_t const body = (bytes - head) / line * line;
    int64_t const tail = bytes - head - body;
    if (head > 0) std::memcpy(to, from, static_cast<std::size_t>(head));
    stream_lines(from + head, to + head, body);
    if (tail > 0) std::memcpy(to + head + body, from + head + body, static_cast<std::size_t>(tail));
}

void fence_streams() {
    _mm_sfence();
}

}  // namespace epsim
