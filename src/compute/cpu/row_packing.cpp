#include "compute/cpu/row_packing.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "compute/activation.hpp"
#include "compute/cpu/interleave.hpp"
#include "core/simd.hpp"

namespace epsim::cpu {
namespace {

/// Columns that one panel gives.
constexpr int64_t active_columns(Activation activation) {
    return is_gated(activation) ? line_columns : panel_columns;
}

/// Of one row [n]; the tile's rows stand `stride` elements apart in a step.
template <class To, int per_step, class From>
void pack_piece(From const* from, int64_t n, int64_t stride, To* to) {
    for (int64_t step = 0; step < n / per_step; ++step)
        for (int i = 0; i < per_step; ++i)
            to[step * stride + i] = from_float<To>(to_float(from[step * per_step + i]));
    if (n % per_step == 0) return;
    to[n / per_step * stride] = from_float<To>(to_float(from[n - 1]));
    to[n / per_step * stride + 1] = from_float<To>(0);
}

/// Blocks of whole lines.
template <class From>
void pack_blocks(BufferView from, std::span<int32_t const> rows, std::byte* to) {
    constexpr auto product = Product::amx;
    constexpr int64_t block = packed_row_stride(product) / bytes_of(DType::bf16);
    auto const n = std::ssize(rows);
    for (std::size_t r = 0; r < rows.size(); ++r) {
        From const* const x = from.as<From>() + rows[r] * from.width;
        for (int64_t k = 0; k < from.width; k += block) {
            auto* const line =
                reinterpret_cast<bf16*>(to + packed_offset(product, n, k) +
                                        static_cast<int64_t>(r) * packed_row_stride(product));
            int64_t const here = std::min(block, from.width - k);
            for (int64_t i = 0; i < here; ++i) line[i] = from_float<bf16>(to_float(x[k + i]));
            std::fill(line + here, line + block, from_float<bf16>(0));
        }
    }
}

template <class From, class To, int per_step>
void pack(BufferView from, std::span<int32_t const> rows, To* to) {
    auto const stride = std::ssize(rows) * per_step;
    if constexpr (std::is_same_v<From, To> && per_step * sizeof(To) == 4) {
        std::array<std::byte const*, most_tile_rows> row{};
        std::ranges::transform(rows, row.begin(), [&](int32_t r) { return from.row(r); });
        int64_t const steps = from.width / per_step;
        interleave(std::span(row).first(rows.size()), steps, reinterpret_cast<std::byte*>(to));
        for (std::size_t r = 0; r < rows.size(); ++r)
            pack_piece<To, per_step>(from.as<From>() + rows[r] * from.width + steps * per_step,
                                     from.width % per_step, stride,
                                     to + steps * stride + static_cast<int64_t>(r) * per_step);
        return;
    }
    constexpr int64_t piece = 128;  // its packed form stays in the first cache while rows fill it
    for (int64_t k = 0; k < from.width; k += piece)
        for (std::size_t r = 0; r < rows.size(); ++r)
            pack_piece<To, per_step>(
                from.as<From>() + rows[r] * from.width + k, std::min(piece, from.width - k), stride,
                to + k / per_step * stride + static_cast<int64_t>(r) * per_step);
}

/// Of one tile, row by row.
template <Activation A, class Stored>
using ActiveRows = std::array<std::array<Stored, active_columns(A)>, most_tile_rows>;

/// \tparam T what elements are rounded to
template <Activation A, class T, class Stored>
EPSIM_SIMD_CLONES void activate_rows(float const* sums, std::size_t rows,
                                     ActiveRows<A, Stored>& active) {
    for (std::size_t r = 0; r < rows; ++r) {
        float const* const gate = sums + static_cast<int64_t>(r) * panel_columns;
        float const* const up = is_gated(A) ? gate + line_columns : gate;
        for (std::size_t j = 0; j < active[r].size(); ++j)
            active[r][j] = from_float<Stored>(to_float(from_float<T>(activate<A>(gate[j], up[j]))));
    }
}

template <Activation A, class T, class Stored, int per_step>
void activate_tile(float const* sums, int64_t rows, std::byte* to) {
    constexpr int64_t columns = active_columns(A);
    ActiveRows<A, Stored> active;
    activate_rows<A, T>(sums, static_cast<std::size_t>(rows), active);
    if constexpr (per_step * sizeof(Stored) == 4) {
        std::array<std::byte const*, most_tile_rows> row{};
        for (std::size_t r = 0; r < most_tile_rows; ++r)
            row[r] = reinterpret_cast<std::byte const*>(active[r].data());
        interleave(std::span(row).first(static_cast<std::size_t>(rows)), columns / per_step, to);
    } else {
        auto* const stored = reinterpret_cast<Stored*>(to);
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t j = 0; j < columns; ++j)
                stored[j / per_step * per_step * rows + r * per_step + j % per_step] =
                    active[static_cast<std::size_t>(r)][static_cast<std::size_t>(j)];
    }
}

template <class T>
EPSIM_SIMD_CLONES void store_rows(float const* sums, std::span<int32_t const> results,
                                  int64_t columns, int64_t width, T* out) {
    for (std::size_t r = 0; r < results.size(); ++r) {
        float const* const from = sums + static_cast<int64_t>(r) * panel_columns;
        T* const to = out + results[r] * width;
        for (int64_t j = 0; j < columns; ++j) to[j] = from_float<T>(from[j]);
    }
}

}  // namespace

void pack_rows(BufferView from, std::span<int32_t const> rows, Product product, std::byte* to) {
    dispatch_dtype(from.type, [&]<class From>(From) {
        switch (product) {
            case Product::f32:
                return pack<From, float, 1>(from, rows, reinterpret_cast<float*>(to));
            case Product::bf16:
                return pack<From, bf16, 2>(from, rows, reinterpret_cast<bf16*>(to));
            case Product::f32_bf16:
                return pack<From, float, 2>(from, rows, reinterpret_cast<float*>(to));
            case Product::amx:
                return pack_blocks<From>(from, rows, to);
        }
    });
}

namespace {

/// Into rows of blocks.
template <Activation A>
void activate_block(float const* sums, int64_t rows, std::byte* to) {
    ActiveRows<A, bf16> active;
    activate_rows<A, bf16>(sums, static_cast<std::size_t>(rows), active);
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(to + r * packed_row_stride(Product::amx),
                    active[static_cast<std::size_t>(r)].data(), sizeof active[0]);
}

}  // namespace

ActivateTile activate_tile_of(Activation activation, DType dtype, Product down) {
    ActivateTile tile = nullptr;
    dispatch_activation(activation, [&](auto a) {
        if (dtype == DType::f32)
            tile = activate_tile<a(), float, float, 1>;
        else if (down == Product::amx)
            tile = activate_block<a()>;
        else if (down == Product::bf16)
            tile = activate_tile<a(), bf16, bf16, 2>;
        else
            tile = activate_tile<a(), bf16, float, 2>;
    });
    return tile;
}

void prefetch_results(std::span<int32_t const> results, int64_t first, BufferView out) {
    for (int32_t const r : results) __builtin_prefetch(out.row(r) + first * bytes_of(out.type), 1);
}

void store_sums(float const* sums, std::span<int32_t const> results, int64_t first, int64_t columns,
                BufferView out) {
    dispatch_dtype(out.type, [&]<class T>(T) {
        store_rows(sums, results, columns, out.width, out.as<T>() + first);
    });
}

}  // namespace epsim::cpu
