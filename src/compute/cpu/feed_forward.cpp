#include "compute/cpu/feed_forward.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace epsim::cpu {
namespace {

/// Half of the second cache; the rest is for the panels that pass and what is written.
int64_t cache_bytes() {
    long const all = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return std::clamp<int64_t>(all, 512 << 10, 4 << 20) / 2;
}

/// f(first, n) for the rows of each tile: as few tiles as can be, and as equal in units.
template <class F>
void for_tiles(Product product, int64_t rows, Share share, F&& f) {
    auto const shape = tile_shape(product);
    int64_t const units = (rows + shape.row_unit - 1) / shape.row_unit;
    int64_t const most = shape.most_rows / shape.row_unit, tiles = (units + most - 1) / most;
    for (int64_t i = share.first(tiles); i < share.last(tiles); ++i) {
        int64_t const first = units * i / tiles * shape.row_unit;
        f(first, std::min(rows, units * (i + 1) / tiles * shape.row_unit) - first);
    }
}

std::span<int32_t const> part(std::span<int32_t const> entries, int64_t first, int64_t n) {
    return entries.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
}

struct alignas(64) Sums {
    float value[most_tile_rows * panel_columns];  // each tile writes what is read of it
};

void fill(std::array<Tile, most_tile_rows + 1>& tiles, Product product) {
    for (int64_t rows = 1; rows <= tile_shape(product).most_rows; ++rows)
        tiles[static_cast<std::size_t>(rows)] = tile_of(product, rows);
}

/// Zeros from element k on to the end of its block, where it does not begin one.
void clear_rest(Product product, int64_t rows, int64_t k, std::byte* packed) {
    int64_t const stride = packed_row_stride(product);
    int64_t const used = k * bytes_of(row_type(product)) % stride;
    if (used == 0) return;
    std::byte* const rest = packed + packed_offset(product, rows, k);
    for (int64_t r = 0; r < rows; ++r)
        std::memset(rest + r * stride, 0, static_cast<std::size_t>(stride - used));
}

}  // namespace

FeedForward::FeedForward(FeedForwardSpec const& spec, CpuLevel level)
    : layout_(spec, level),
      activate_tile_(activate_tile_of(spec.activation, spec.dtype, layout_.down.product)) {
    int64_t const row_bytes = std::max(layout_.x_bytes(), layout_.active_bytes());
    int64_t const rows = tile_shape(layout_.down.product).most_rows;
    longest_piece_ = rows * std::clamp<int64_t>(cache_bytes() / (rows * row_bytes), 4, 16);
    fill(in_tile_, layout_.in.product);
    fill(down_tile_, layout_.down.product);
}

FeedForward::Scratch FeedForward::make_scratch(int64_t rows) const {
    auto const buffer = [&](PackedProduct const& product, int64_t row_bytes) {
        DType const type = row_type(product.product);
        HostBuffer memory(type, row_bytes / bytes_of(type));
        memory.reserve(padded_rows(product.product, rows));
        return memory;
    };
    return {buffer(layout_.in, layout_.x_bytes()), buffer(layout_.down, layout_.active_bytes())};
}

void FeedForward::gather(Entries const& entries, BufferView in, Scratch& scratch,
                         Share share) const {
    auto const rows = std::ssize(entries.row);
    BufferView const x = scratch.x.rows(rows);
    for_tiles(layout_.in.product, rows, share, [&](int64_t first, int64_t n) {
        pack_rows(in, part(entries.row, first, n), layout_.in.product, x.row(first));
    });
}

void FeedForward::activate(std::byte const* network, int64_t rows, Scratch& scratch,
                           Share share) const {
    BufferView const x = scratch.x.rows(rows), active = scratch.active.rows(rows);
    auto const& in = layout_.in;
    Product const down = layout_.down.product;
    TileUse const use(in.product);
    Sums sums;
    for (int64_t p = share.first(in.panels()); p < share.last(in.panels()); ++p)
        for_tiles(in.product, rows, {}, [&](int64_t first, int64_t n) {
            in_tile_[static_cast<std::size_t>(n)](x.row(first), network + p * in.panel_bytes(),
                                                  in.steps(), sums.value);
            int64_t const column = p * layout_.active_columns;
            activate_tile_(sums.value, n, active.row(first) + packed_offset(down, n, column));
            if (p + 1 == in.panels())
                clear_rest(down, n, column + layout_.active_columns, active.row(first));
        });
}

void FeedForward::project(std::byte const* network, Entries const& entries, Scratch& scratch,
                          BufferView out, Share share) const {
    auto const rows = std::ssize(entries.result);
    BufferView const active = scratch.active.rows(rows);
    auto const& down = layout_.down;
    std::byte const* const weights = network + layout_.in.weight_bytes();
    TileUse const use(down.product);
    Sums sums;
    for (int64_t p = share.first(down.panels()); p < share.last(down.panels()); ++p)
        for_tiles(down.product, rows, {}, [&](int64_t first, int64_t n) {
            auto const results = part(entries.result, first, n);
            int64_t const column = p * panel_columns;
            prefetch_results(results, column, out);
            down_tile_[static_cast<std::size_t>(n)](
                active.row(first), weights + p * down.panel_bytes(), down.steps(), sums.value);
            store_sums(sums.value, results, column, std::min(panel_columns, down.columns - column),
                       out);
        });
}

void FeedForward::run(std::byte const* network, Entries const& entries, BufferView in,
                      Scratch& scratch, BufferView out) const {
    gather(entries, in, scratch, {});
    activate(network, std::ssize(entries.row), scratch, {});
    project(network, entries, scratch, out, {});
}

}  // namespace epsim::cpu
