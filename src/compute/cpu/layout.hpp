#pragma once

#include "compute/cpu/tile.hpp"
#include "compute/expert_kernel.hpp"

namespace epsim::cpu {

/// One of a network's two products: [rows, k] times [k, columns], in whole steps and panels. What
/// pads them is zero.
struct PackedProduct {
    Product product;
    int64_t k;
    int64_t columns;  ///< of sums: gate and up count apart

    int64_t panels() const { return (columns + panel_columns - 1) / panel_columns; }
    int64_t steps() const { return filled(k) / k_per_step(product); }
    int64_t panel_bytes() const { return steps() * 2 * line_bytes; }
    int64_t weight_bytes() const { return panels() * panel_bytes(); }
    /// Of a packed row of `elements` elements.
    int64_t row_bytes(int64_t elements) const {
        return filled(elements) * bytes_of(row_type(product));
    }

private:
    /// Up to whole blocks.
    int64_t filled(int64_t elements) const {
        int64_t const block = tile_shape(product).block * k_per_step(product);
        return (elements + block - 1) / block * block;
    }
};

/// How the networks of one shape lie in memory: the panels of `in`, then those of `down`. A panel
/// of `in` has a line of the gate and one of the up matrix for the same 16 columns, so that the
/// activation finds both in one tile's sums; without a gate it has 32 columns of the up matrix.
struct Layout {
    Layout(FeedForwardSpec const& spec, CpuLevel level);

    PackedProduct in, down;
    int64_t active_columns;  ///< that one panel of `in` gives

    int64_t network_bytes() const { return in.weight_bytes() + down.weight_bytes(); }
    /// Of a packed row in and of a packed activated row, whose last panel may be wider than needed.
    int64_t x_bytes() const { return in.row_bytes(in.k); }
    int64_t active_bytes() const { return down.row_bytes(in.panels() * active_columns); }
};

/// Draws the weights of one network into `to` [network_bytes], on as many threads as OpenMP gives.
void make_network(FeedForwardSpec const& spec, Layout const& layout, uint64_t seed, WeightKey key,
                  std::byte* to);

}  // namespace epsim::cpu
