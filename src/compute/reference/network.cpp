#include "compute/reference/network.hpp"

#include <algorithm>

#include "compute/weights.hpp"
#include "core/simd.hpp"

namespace epsim::reference {
namespace {

/// to [k, n] gets the transpose of from [n, k] in its columns from `first`.
void transpose(BufferView from, int64_t first, BufferView to) {
    constexpr int64_t block = 32;
    dispatch_dtype(to.type, [&]<class T>(T) {
#pragma omp parallel for schedule(static)
        for (int64_t n0 = 0; n0 < from.rows; n0 += block)
            for (int64_t k = 0; k < from.width; ++k)
                for (int64_t n = n0; n < std::min(n0 + block, from.rows); ++n)
                    to.as<T>()[k * to.width + first + n] = from.as<T>()[n * from.width + k];
    });
}

/// A loop over columns inside one over the summed index vectorises without reordering a sum.
template <class T>
EPSIM_SIMD_CLONES void multiply_by(double const* x, int64_t rows, BufferView w, double* y) {
    constexpr int64_t block = 128;
    for (int64_t first = 0; first < w.width; first += block) {
        int64_t const n = std::min(block, w.width - first);
        double sum[rows_per_pass][block] = {};
        for (int64_t k = 0; k < w.rows; ++k) {
            T const* row = w.as<T>() + k * w.width + first;
            double weight[block];
            for (int64_t j = 0; j < n; ++j) weight[j] = static_cast<double>(to_float(row[j]));
            for (int64_t r = 0; r < rows; ++r) {
                double const factor = x[r * w.rows + k];
                for (int64_t j = 0; j < n; ++j) sum[r][j] += factor * weight[j];
            }
        }
        for (int64_t r = 0; r < rows; ++r) std::copy_n(sum[r], n, y + r * w.width + first);
    }
}

}  // namespace

Network::Network(FeedForwardSpec const& spec, uint64_t seed, WeightKey key)
    : in_rows_(spec.hidden),
      down_rows_(spec.intermediate),
      in_(spec.dtype, is_gated(spec.activation) ? 2 * down_rows_ : down_rows_),
      down_(spec.dtype, in_rows_) {
    auto const fill = [&](Matrix matrix, int64_t rows, BufferView to, int64_t first) {
        HostBuffer drawn(spec.dtype, to.rows);
        drawn.reserve(rows);
        make_weights(seed, key, matrix, spec.dtype, drawn.rows(rows));
        transpose(drawn.rows(rows), first, to);
    };
    in_.reserve(in_rows_);
    down_.reserve(down_rows_);
    if (is_gated(spec.activation)) fill(Matrix::gate, down_rows_, in(), 0);
    fill(Matrix::up, down_rows_, in(), in().width - down_rows_);
    fill(Matrix::down, in_rows_, down(), 0);
    bytes_ = in().bytes() + down().bytes();
}

void multiply(double const* x, int64_t rows, BufferView w, double* y) {
    dispatch_dtype(w.type, [&]<class T>(T) { multiply_by<T>(x, rows, w, y); });
}

}  // namespace epsim::reference
