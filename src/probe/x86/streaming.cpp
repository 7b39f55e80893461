#include <immintrin.h>

#include "probe/vector_loops.hpp"

namespace epsim {
namespace {

__m128i* sixteenths(CacheLine& line) {
    return reinterpret_cast<__m128i*>(line.word.data());
}
__m128i const* sixteenths(CacheLine const& line) {
    return reinterpret_cast<__m128i const*>(line.word.data());
}

[[gnu::target("avx512f")]] void copy_512(std::span<CacheLine const> from, std::span<CacheLine> to) {
    for (std::size_t i = 0; i < from.size(); ++i)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to[i].word.data()),
                            _mm512_load_si512(from[i].word.data()));
}

void copy_128(std::span<CacheLine const> from, std::span<CacheLine> to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        auto const* source = sixteenths(from[i]);
        auto* sink = sixteenths(to[i]);
        for (int part = 0; part < 4; ++part)
            _mm_stream_si128(sink + part, _mm_load_si128(source + part));
    }
}

}  // namespace

void stream_fill(std::span<CacheLine> lines, uint64_t value) {
    // The write-combining buffers make whole lines of these: wider stores are no faster.
    __m128i const filling = _mm_set1_epi64x(static_cast<long long>(value));
    for (CacheLine& line : lines)
        for (int part = 0; part < 4; ++part) _mm_stream_si128(sixteenths(line) + part, filling);
    _mm_sfence();
}

void stream_copy(std::span<CacheLine const> from, std::span<CacheLine> to) {
    if (__builtin_cpu_supports("avx512f"))
        copy_512(from, to);
    else
        copy_128(from, to);
    _mm_sfence();
}

}  // namespace epsim
