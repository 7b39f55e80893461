#include "compute/cpu/tile.hpp"

#include <immintrin.h>

#include <array>
#include <cstring>
#include <utility>

#include "compute/cpu/x86/amx.hpp"
#include "core/error.hpp"

namespace epsim::cpu {
namespace {

#define EPSIM_AVX512 [[gnu::target("avx512f")]]
#define EPSIM_AVX512_BF16 [[gnu::target("avx512f,avx512bf16")]]

/// From this many rows on the multiply-adds take long enough for lines to come from memory in time,
/// if asked for early into the second cache and late into the first. With fewer rows memory is the
/// limit, which the CPU's own prefetching reaches, and requests beside it slow down.
constexpr int64_t first_compute_bound = 6;

[[gnu::always_inline]] inline void prefetch_line(std::byte const* line, int64_t rows) {
    if (rows < first_compute_bound) return;
    __builtin_prefetch(line + 16384, 0, 2);
    __builtin_prefetch(line + 1024, 0, 3);
}

/// The first lines of the next panel, which the CPU asks for too late while this one's sums are
/// used.
[[gnu::always_inline]] inline void prefetch_next(std::byte const* panel, int64_t rows) {
    if (rows >= first_compute_bound) return;
    for (int64_t line = 0; line < 32; ++line) __builtin_prefetch(panel + line * line_bytes);
}

template <int64_t rows>
using Sums = __m512[rows][2];

template <int64_t rows>
EPSIM_AVX512 [[gnu::always_inline]] inline void store(Sums<rows> const& sum, float* to) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < rows; ++r) {
        _mm512_store_ps(to + r * panel_columns, sum[r][0]);
        _mm512_store_ps(to + r * panel_columns + line_columns, sum[r][1]);
    }
}

template <class T>
[[gnu::always_inline]] inline T load(std::byte const* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <int64_t rows>
EPSIM_AVX512_BF16 void bf16_tile(std::byte const* x, std::byte const* panel, int64_t steps,
                                 float* sums) {
    Sums<rows> sum = {};
    for (int64_t step = 0; step < steps; ++step) {
        prefetch_line(panel, rows);
        prefetch_line(panel + line_bytes, rows);
        auto const left = (__m512bh)_mm512_load_si512(panel);
        auto const right = (__m512bh)_mm512_load_si512(panel + line_bytes);
#pragma GCC unroll 16
        for (int64_t r = 0; r < rows; ++r) {
            __m512i two = _mm512_set1_epi32(load<int>(x + 4 * r));
            asm("" : "+v"(two));  // in a register: Clang 16 crashes where it folds it into products
            sum[r][0] = _mm512_dpbf16_ps(sum[r][0], (__m512bh)two, left);
            sum[r][1] = _mm512_dpbf16_ps(sum[r][1], (__m512bh)two, right);
        }
        x += 4 * rows;
        panel += 2 * line_bytes;
    }
    prefetch_next(panel, rows);
    store<rows>(sum, sums);
}

/// sum += element `at` of each row's group of `group` bytes times the lines.
template <int64_t rows>
EPSIM_AVX512 [[gnu::always_inline]] inline void add_products(Sums<rows>& sum, std::byte const* x,
                                                             int64_t group, __m512 left,
                                                             __m512 right) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < rows; ++r) {
        __m512 const one = _mm512_set1_ps(load<float>(x + group * r));
        sum[r][0] = _mm512_fmadd_ps(one, left, sum[r][0]);
        sum[r][1] = _mm512_fmadd_ps(one, right, sum[r][1]);
    }
}

template <int64_t rows>
EPSIM_AVX512 void f32_tile(std::byte const* x, std::byte const* panel, int64_t steps, float* sums) {
    Sums<rows> sum = {};
    for (int64_t step = 0; step < steps; ++step) {
        prefetch_line(panel, rows);
        prefetch_line(panel + line_bytes, rows);
        add_products<rows>(sum, x, 4, _mm512_load_ps(panel), _mm512_load_ps(panel + line_bytes));
        x += 4 * rows;
        panel += 2 * line_bytes;
    }
    prefetch_next(panel, rows);
    store<rows>(sum, sums);
}

using Words [[gnu::vector_size(line_bytes), gnu::may_alias]] = uint32_t;

/// The first k of each pair in a line: a bf16 is the upper half of its float.
EPSIM_AVX512 [[gnu::always_inline]] inline __m512 first_of_pairs(std::byte const* line) {
    return (__m512)(*reinterpret_cast<Words const*>(line) << 16);
}
EPSIM_AVX512 [[gnu::always_inline]] inline __m512 second_of_pairs(std::byte const* line) {
    Words upper = *reinterpret_cast<Words const*>(line) >> 16;
    asm("" : "+v"(upper));  // else it becomes one "and", whose mask takes the last register
    return (__m512)(upper << 16);
}

template <int64_t rows>
EPSIM_AVX512 void f32_bf16_tile(std::byte const* x, std::byte const* panel, int64_t steps,
                                float* sums) {
    Sums<rows> sum = {};
    for (int64_t step = 0; step < steps; ++step) {
        prefetch_line(panel, rows);
        prefetch_line(panel + line_bytes, rows);
        add_products<rows>(sum, x, 8, first_of_pairs(panel), first_of_pairs(panel + line_bytes));
        asm volatile("" ::: "memory");  // two lines fit the registers, not four: load them later
        add_products<rows>(sum, x + 4, 8, second_of_pairs(panel),
                           second_of_pairs(panel + line_bytes));
        x += 8 * rows;
        panel += 2 * line_bytes;
    }
    prefetch_next(panel, rows);
    store<rows>(sum, sums);
}

constexpr auto most_rows = static_cast<std::size_t>(tile_shape(Product::f32).most_rows);
using Tiles = std::array<Tile, most_rows>;

template <std::size_t... i>
constexpr std::array<Tiles, 3> all_tiles(std::index_sequence<i...>) {
    return {Tiles{f32_tile<i + 1>...}, Tiles{bf16_tile<i + 1>...}, Tiles{f32_bf16_tile<i + 1>...}};
}
constexpr auto tiles = all_tiles(std::make_index_sequence<most_rows>{});

}  // namespace

CpuLevel cpu_level() {
    if (!__builtin_cpu_supports("avx512f")) return CpuLevel::none;
    if (!__builtin_cpu_supports("avx512bf16")) return CpuLevel::avx512f;
    return amx::available() ? CpuLevel::amx : CpuLevel::avx512bf16;
}

Tile tile_of(Product product, int64_t rows) {
    auto const needed = product == Product::amx    ? CpuLevel::amx
                        : product == Product::bf16 ? CpuLevel::avx512bf16
                                                   : CpuLevel::avx512f;
    check(cpu_level() >= needed, "this CPU has no such product");
    if (product == Product::amx) return amx::tile_of(rows);
    return tiles[static_cast<std::size_t>(product)].at(static_cast<std::size_t>(rows - 1));
}

TileUse::TileUse(Product product) : product_(product) {
    if (product == Product::amx) amx::configure();
}

TileUse::~TileUse() {
    if (product_ == Product::amx) amx::release();
}

}  // namespace epsim::cpu
