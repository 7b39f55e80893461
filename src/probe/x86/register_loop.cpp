#include <immintrin.h>

#include <array>
#include <cstring>

#include "compute/cpu/tile.hpp"
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

/// Sums in four matrix registers, 32 products each: as many as a product of matrices has room for.
[[gnu::target("amx-tile,amx-bf16,avx512f,avx512bf16")]] void matrix_product_bf16(float* state,
                                                                                 float m, float a,
                                                                                 int64_t n) {
    constexpr std::size_t elements = 16 * 32, sum_lanes = 16 * 16, line = 64;
    std::array<bf16, elements> rows, columns;
    rows.fill(to_bf16(m));
    columns.fill(to_bf16(a));
    cpu::TileUse const use(cpu::Product::amx);
    _tile_loadd(0, state, line);
    _tile_loadd(1, state + sum_lanes, line);
    _tile_loadd(2, state + 2 * sum_lanes, line);
    _tile_loadd(3, state + 3 * sum_lanes, line);
    asm volatile("" ::"r"(rows.data()), "r"(columns.data()) : "memory");
    _tile_loadd(4, rows.data(), line);
    _tile_loadd(5, rows.data(), line);
    _tile_loadd(6, columns.data(), line);
    _tile_loadd(7, columns.data(), line);
    for (int64_t i = 0; i < n; ++i) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, state, line);
    _tile_stored(1, state + sum_lanes, line);
    _tile_stored(2, state + 2 * sum_lanes, line);
    _tile_stored(3, state + 3 * sum_lanes, line);
}

}  // namespace

RegisterLoop register_loop(DType type) {
    if (type == DType::bf16 && cpu::cpu_level() == cpu::CpuLevel::amx)
        return {RegisterLoop::most_lanes, 64, matrix_product_bf16, 512};
    bool const wide = __builtin_cpu_supports("avx512f");
    if (type == DType::bf16 && wide && __builtin_cpu_supports("avx512bf16"))
        return {Floats<64>::lanes, 4, dot_product_bf16};
    if (wide) return {Floats<64>::lanes, 2, multiply_add_512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {Floats<32>::lanes, 2, multiply_add_256};
    return {Floats<16>::lanes, 2, multiply_add_128};
}

}  // namespace epsim
