#include "compute/cpu/layout.hpp"

#include <algorithm>
#include <cstring>

#include "compute/weights.hpp"

namespace epsim::cpu {
namespace {

/// Columns [first, first + 16) of drawn [columns, k] into one of the two lines of each step.
template <class T>
void pack_line(BufferView drawn, int64_t first, int64_t per_step, T* line) {
    int64_t const columns = std::min(line_columns, drawn.rows - first);
    for (int64_t c = 0; c < columns; ++c) {
        T const* const from = drawn.as<T>() + (first + c) * drawn.width;
        for (int64_t k = 0; k < drawn.width; ++k)
            line[(k / per_step * panel_columns + c) * per_step + k % per_step] = from[k];
    }
}

/// Every `stride`-th line of the panels, from `line` on, gets the next 16 columns.
void pack(BufferView drawn, PackedProduct const& product, int64_t line, int64_t stride,
          std::byte* to) {
    int64_t const lines = (drawn.rows + line_columns - 1) / line_columns;
    dispatch_dtype(drawn.type, [&]<class T>(T) {
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < lines; ++i) {
            int64_t const at = line + i * stride;
            pack_line(
                drawn, i * line_columns, k_per_step(product.product),
                reinterpret_cast<T*>(to + at / 2 * product.panel_bytes() + at % 2 * line_bytes));
        }
    });
}

}  // namespace

Layout::Layout(FeedForwardSpec const& spec, CpuLevel level)
    : in{product_of(spec.in_dtype, spec.dtype, level), spec.hidden,
         int64_t{spec.intermediate} * (is_gated(spec.activation) ? 2 : 1)},
      // What the first product's tiles give is the second one's x: both have the same tiles.
      down{product_of(spec.dtype, spec.dtype,
                      in.product == Product::amx ? level : std::min(level, CpuLevel::avx512bf16)),
           spec.intermediate, spec.hidden},
      active_columns(is_gated(spec.activation) ? line_columns : panel_columns) {}

void make_network(FeedForwardSpec const& spec, Layout const& layout, uint64_t seed, WeightKey key,
                  std::byte* to) {
    std::memset(to, 0, static_cast<std::size_t>(layout.network_bytes()));
    auto const draw = [&](Matrix matrix, int64_t columns, int64_t k) {
        HostBuffer drawn(spec.dtype, k);
        drawn.reserve(columns);
        make_weights(seed, key, matrix, spec.dtype, drawn.rows(columns));
        return drawn;
    };
    int64_t const inner = spec.intermediate, hidden = spec.hidden;
    bool const gated = is_gated(spec.activation);
    if (gated) pack(draw(Matrix::gate, inner, hidden).rows(inner), layout.in, 0, 2, to);
    pack(draw(Matrix::up, inner, hidden).rows(inner), layout.in, gated ? 1 : 0, gated ? 2 : 1, to);
    pack(draw(Matrix::down, hidden, inner).rows(hidden), layout.down, 0, 1,
         to + layout.in.weight_bytes());
}

}  // namespace epsim::cpu
