#include "compute/cpu/row_packing.hpp"

#include <algorithm>

#include "compute/activation.hpp"
#include "core/simd.hpp"

namespace epsim::cpu {
namespace {

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

/// bf16 of a pair move together.
template <>
void pack_piece<bf16, 2, bf16>(bf16 const* from, int64_t n, int64_t stride, bf16* to) {
    for (int64_t step = 0; step < n / 2; ++step)
        std::copy_n(from + 2 * step, 2, to + step * stride);
    if (n % 2 == 0) return;
    to[n / 2 * stride] = from[n - 1];
    to[n / 2 * stride + 1] = {0};
}

template <class From, class To, int per_step>
void pack(BufferView from, std::span<int32_t const> rows, To* to) {
    constexpr int64_t piece = 128;  // its packed form stays in the first cache while rows fill it
    auto const stride = std::ssize(rows) * per_step;
    for (int64_t k = 0; k < from.width; k += piece)
        for (std::size_t r = 0; r < rows.size(); ++r)
            pack_piece<To, per_step>(
                from.as<From>() + rows[r] * from.width + k, std::min(piece, from.width - k), stride,
                to + k / per_step * stride + static_cast<int64_t>(r) * per_step);
}

/// \tparam T what activated elements are rounded to; Stored, per_step  of the product's rows
template <Activation A, class T, class Stored, int per_step>
EPSIM_SIMD_CLONES void activate_tile(float const* sums, int64_t rows, std::byte* to) {
    constexpr int64_t columns = is_gated(A) ? line_columns : panel_columns;
    auto* const stored = reinterpret_cast<Stored*>(to);
    for (int64_t r = 0; r < rows; ++r) {
        float const* const gate = sums + r * panel_columns;
        float const* const up = is_gated(A) ? gate + line_columns : gate;
        Stored active[columns];
        for (int64_t j = 0; j < columns; ++j)
            active[j] = from_float<Stored>(to_float(from_float<T>(activate<A>(gate[j], up[j]))));
        for (int64_t j = 0; j < columns; j += per_step)
            std::copy_n(active + j, per_step, stored + j * rows + r * per_step);
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
        }
    });
}

ActivateTile activate_tile_of(Activation activation, DType dtype, Product down) {
    ActivateTile tile = nullptr;
    dispatch_activation(activation, [&](auto a) {
        if (dtype == DType::f32)
            tile = activate_tile<a(), float, float, 1>;
        else if (down == Product::bf16)
            tile = activate_tile<a(), bf16, bf16, 2>;
        else
            tile = activate_tile<a(), bf16, float, 2>;
    });
    return tile;
}

void store_sums(float const* sums, std::span<int32_t const> results, int64_t first, int64_t columns,
                BufferView out) {
    dispatch_dtype(out.type, [&]<class T>(T) {
        store_rows(sums, results, columns, out.width, out.as<T>() + first);
    });
}

}  // namespace epsim::cpu
