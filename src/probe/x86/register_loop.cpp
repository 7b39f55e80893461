#include <immintrin.h>

#include <cstring>

#include "probe/vector_loops.hpp"

namespace epsim {
namespace {

constexpr auto chains = RegisterLoop::chains;

/// Four, eight or sixteen floats.
template <std::size_t bytes>
struct Floats {
    using Vector [[gnu::vector_size(bytes)]] = float;
    static constexpr std::size_t lanes = chains * bytes / sizeof(float);
};

/// The product and the sum become one instruction where there is one (-ffp-contract=fast for this
/// file). What the chains start from is not known here, or the compiler would see that they agree.
template <std::size_t bytes>
[[gnu::always_inline]] inline void multiply_add(float* state, float m, float a, int64_t n) {
    typename Floats<bytes>::Vector x[chains];
    std::memcpy(x, state, sizeof x);
    for (int64_t i = 0; i < n; ++i)
#pragma GCC unroll 16
        for (std::size_t c = 0; c < chains; ++c) x[c] = x[c] * m + a;
    std::memcpy(state, x, sizeof x);
}

[[gnu::target("avx512f")]] void multiply_add_512(float* x, float m, float a, int64_t n) {
    multiply_add<64>(x, m, a, n);
}

[[gnu::target("avx2,fma")]] void multiply_add_256(float* x, float m, float a, int64_t n) {
    multiply_add<32>(x, m, a, n);
}

void multiply_add_128(float* x, float m, float a, int64_t n) {
    multiply_add<16>(x, m, a, n);
}

[[gnu::target("avx512f,avx512bf16")]] void dot_product_bf16(float* state, float m, float a,
                                                            int64_t n) {
    __m512 x[chains];
    std::memcpy(x, state, sizeof x);
    __m512bh const left = _mm512_cvtne2ps_pbh(_mm512_set1_ps(m), _mm512_set1_ps(m));
    __m512bh const right = _mm512_cvtne2ps_pbh(_mm512_set1_ps(a), _mm512_set1_ps(a));
    for (int64_t i = 0; i < n; ++i)
#pragma GCC unroll 16
        for (std::size_t c = 0; c < chains; ++c) x[c] = _mm512_dpbf16_ps(x[c], left, right);
    std::memcpy(state, x, sizeof x);
}

}  // namespace

RegisterLoop register_loop(DType type) {
    bool const wide = __builtin_cpu_supports("avx512f");
    if (type == DType::bf16 && wide && __builtin_cpu_supports("avx512bf16"))
        return {Floats<64>::lanes, 4, dot_product_bf16};
    if (wide) return {Floats<64>::lanes, 2, multiply_add_512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {Floats<32>::lanes, 2, multiply_add_256};
    return {Floats<16>::lanes, 2, multiply_add_128};
}

}  // namespace epsim
