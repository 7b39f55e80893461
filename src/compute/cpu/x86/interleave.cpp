#include "compute/cpu/interleave.hpp"

#include <immintrin.h>

#include <array>

namespace epsim::cpu {
namespace {

constexpr int lanes = 16;

/// Lane l of the first (half = 0) or second vector that an exchange of blocks of `block` lanes
/// makes of two: a lane of the first, or 16 + a lane of the second.
constexpr std::array<int, lanes> exchange(int block, int half) {
    std::array<int, lanes> from{};
    for (int l = 0; l < lanes; ++l) {
        bool const upper = (l & block) != 0;
        int const lane = half == 0 ? l & ~block : l | block;
        from[static_cast<std::size_t>(l)] = upper ? lanes + lane : lane;
    }
    return from;
}

/// A transpose of 2 by 2 blocks of `block` lanes, of each pair of rows `block` apart.
template <int block>
[[gnu::target("avx512f"), gnu::always_inline]] inline void transpose_blocks(__m512i (&row)[lanes]) {
    alignas(64) static constexpr auto first = exchange(block, 0), second = exchange(block, 1);
    __m512i const to_first = _mm512_load_si512(first.data()),
                  to_second = _mm512_load_si512(second.data());
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
        if ((i & block) != 0) continue;
        __m512i const upper = row[i], lower = row[i + block];
        row[i] = _mm512_permutex2var_epi32(upper, to_first, lower);
        row[i + block] = _mm512_permutex2var_epi32(upper, to_second, lower);
    }
}

/// Up to 16 steps: all rows' words of a step become one vector (Eklundh, "A fast computer method
/// for matrix transposing", IEEE Trans. Computers C-21(7), 1972).
[[gnu::target("avx512f"), gnu::always_inline]] inline void interleave_block(
    std::span<std::byte const* const> rows, int64_t first, int steps, std::byte* to) {
    auto const wanted = static_cast<__mmask16>((1u << steps) - 1u);
    auto const written = static_cast<__mmask16>((1u << rows.size()) - 1u);
    __m512i row[lanes];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < lanes; ++r)
        row[r] = r < rows.size() ? _mm512_maskz_loadu_epi32(wanted, rows[r] + 4 * first)
                                 : _mm512_setzero_si512();
    transpose_blocks<8>(row);
    transpose_blocks<4>(row);
    transpose_blocks<2>(row);
    transpose_blocks<1>(row);
    auto const bytes = 4 * static_cast<int64_t>(rows.size());
#pragma GCC unroll 16
    for (int step = 0; step < lanes; ++step)
        if (step < steps) _mm512_mask_storeu_epi32(to + step * bytes, written, row[step]);
}

}  // namespace

[[gnu::target("avx512f")]] void interleave(std::span<std::byte const* const> rows, int64_t steps,
                                           std::byte* to) {
    constexpr int64_t ahead = 512;  // bytes: rows come from memory, from places apart
    for (int64_t step = 0; step < steps; step += lanes) {
        for (auto const* row : rows) __builtin_prefetch(row + 4 * step + ahead);
        auto const n = static_cast<int>(steps - step < lanes ? steps - step : lanes);
        interleave_block(rows, step, n, to + 4 * step * static_cast<int64_t>(rows.size()));
    }
}

}  // namespace epsim::cpu
