// GCC multiplies 64-bit lanes by vpmullq, which takes three times as long as vpmuludq. That the
// upper halves of the lanes are not zero does no harm: vpmuludq does not read them.
#include "trace/wide_words.hpp"

// GCC 12 calls the intrinsics' own placeholders uninitialised.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "trace/token_words.hpp"

namespace epsim {
namespace {

constexpr int lanes = 8;

[[gnu::target("avx512f")]] inline __m512i wide(uint64_t value) {
    return _mm512_set1_epi64(static_cast<long long>(value));
}

[[gnu::target("avx512f")]] inline void store(uint32_t* words, __m512i lane) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), _mm512_cvtepi64_epi32(lane));
}

[[gnu::target("avx512f")]] void fill(PhiloxKey key, uint32_t a, uint32_t b, uint64_t first,
                                     uint32_t* words) noexcept {
    __m512i const step =
        _mm512_slli_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), TokenWords::block_bits);
    for (int t = 0; t < TokenWords::tile; t += lanes) {
        __m512i const i = _mm512_add_epi64(
            wide(first + (static_cast<uint64_t>(t) << TokenWords::block_bits)), step);
        __m512i c0 = i, c1 = _mm512_srli_epi64(i, 32), c2 = wide(a), c3 = wide(b);
        auto k = key;
        for (int round = 0; round < 10; ++round) {
            __m512i const p0 = _mm512_mul_epu32(c0, wide(0xD2511F53u));
            __m512i const p1 = _mm512_mul_epu32(c2, wide(0xCD9E8D57u));
            constexpr int exclusive_or = 0x96;  // of three
            c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), c1, wide(k[0]), exclusive_or);
            c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), c3, wide(k[1]), exclusive_or);
            c1 = p1;
            c3 = p0;
            k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
        }
        store(words + t, c0);
        store(words + TokenWords::tile + t, c1);
        store(words + 2 * TokenWords::tile + t, c2);
        store(words + 3 * TokenWords::tile + t, c3);
    }
}

}  // namespace

bool fill_wide(PhiloxKey key, uint32_t a, uint32_t b, uint64_t first, uint32_t* words) noexcept {
    static bool const able = __builtin_cpu_supports("avx512f");
    if (able) fill(key, a, b, first, words);
    return able;
}

}  // namespace epsim
