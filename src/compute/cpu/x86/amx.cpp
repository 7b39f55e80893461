#include "compute/cpu/x86/amx.hpp"

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

// Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 1, ch. 18: eight registers of
// 16 rows of 64 bytes. Here 0 to 3 are sums, 4 and 5 rows of x, 6 and 7 the lines of a panel.
namespace epsim::cpu::amx {
namespace {

#define EPSIM_AMX [[gnu::target("amx-tile,amx-bf16")]]

constexpr int64_t unit = tile_shape(Product::amx).row_unit;
constexpr int64_t register_bytes = unit * 64;
constexpr int64_t sums_stride = panel_columns * sizeof(float), line_stride = 2 * line_bytes;

/// One or two units of rows.
template <int units>
EPSIM_AMX void tile(std::byte const* x, std::byte const* panel, int64_t steps, float* sums) {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (units == 2) {
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t step = 0; step < steps; step += unit) {
        _tile_loadd(6, panel, line_stride);
        _tile_loadd(4, x, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, panel + line_bytes, line_stride);
        _tile_dpbf16ps(1, 4, 7);
        if constexpr (units == 2) {
            _tile_loadd(5, x + register_bytes, 64);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        x += units * register_bytes;
        panel += unit * line_stride;
    }
    _tile_stored(0, sums, sums_stride);
    _tile_stored(1, sums + line_columns, sums_stride);
    if constexpr (units == 2) {
        _tile_stored(2, sums + unit * panel_columns, sums_stride);
        _tile_stored(3, sums + unit * panel_columns + line_columns, sums_stride);
    }
}

struct alignas(64) Configuration {
    uint8_t palette = 1, start_row = 0;
    std::array<uint8_t, 14> reserved{};
    std::array<uint16_t, 16> row_bytes{64, 64, 64, 64, 64, 64, 64, 64};
    std::array<uint8_t, 16> rows{16, 16, 16, 16, 16, 16, 16, 16};
};
/// In memory before it is loaded: the intrinsic does not say how much of it is read.
constexpr Configuration all_registers;

bool ask() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned bf16_bit = 1u << 22, tile_bit = 1u << 24;
    if ((d & bf16_bit) == 0 || (d & tile_bit) == 0) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;  // of arch_prctl; Linux 5.16
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

bool available() {
    static bool const answer = ask();
    return answer;
}

Tile tile_of(int64_t rows) {
    return rows > unit ? tile<2> : tile<1>;
}

EPSIM_AMX void configure() {
    _tile_loadconfig(&all_registers);
}

EPSIM_AMX void release() {
    _tile_release();
}

}  // namespace epsim::cpu::amx
