#include "compute/cpu/feed_forward.hpp"

#include <algorithm>

namespace epsim::cpu {
namespace {

/// Of a second cache's 1 MiB; the rest is for the panels that pass and what is written.
constexpr int64_t cache_bytes = 512 << 10;

/// f(first, n) for the rows of each tile: as few tiles as can be, and as equal.
template <class F>
void for_tiles(int64_t rows, Share share, F&& f) {
    int64_t const tiles = (rows + most_tile_rows - 1) / most_tile_rows;
    for (int64_t i = share.first(tiles); i < share.last(tiles); ++i) {
        int64_t const first = rows * i / tiles;
        f(first, rows * (i + 1) / tiles - first);
    }
}

std::span<int32_t const> part(std::span<int32_t const> entries, int64_t first, int64_t n) {
    return entries.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
}

struct alignas(64) Sums {
    float value[most_tile_rows * panel_columns];
};

}  // namespace

FeedForward::FeedForward(FeedForwardSpec const& spec, CpuLevel level)
    : layout_(spec, level),
      activate_tile_(activate_tile_of(spec.activation, spec.dtype, layout_.down.product)) {
    int64_t const row_bytes = std::max(layout_.x_bytes(), layout_.active_bytes());
    longest_piece_ =
        most_tile_rows * std::clamp<int64_t>(cache_bytes / (most_tile_rows * row_bytes), 4, 16);
    for (int64_t rows = 1; rows <= most_tile_rows; ++rows) {
        in_tile_[static_cast<std::size_t>(rows)] = tile_of(layout_.in.product, rows);
        down_tile_[static_cast<std::size_t>(rows)] = tile_of(layout_.down.product, rows);
    }
}

FeedForward::Scratch FeedForward::make_scratch(int64_t rows) const {
    auto const buffer = [&](PackedProduct const& product, int64_t row_bytes) {
        DType const type = row_type(product.product);
        HostBuffer memory(type, row_bytes / bytes_of(type));
        memory.reserve(rows);
        return memory;
    };
    return {buffer(layout_.in, layout_.x_bytes()), buffer(layout_.down, layout_.active_bytes())};
}

void FeedForward::gather(Entries const& entries, BufferView in, Scratch& scratch,
                         Share share) const {
    auto const rows = std::ssize(entries.row);
    BufferView const x = scratch.x.rows(rows);
    for_tiles(rows, share, [&](int64_t first, int64_t n) {
        pack_rows(in, part(entries.row, first, n), layout_.in.product, x.row(first));
    });
}

void FeedForward::activate(std::byte const* network, int64_t rows, Scratch& scratch,
                           Share share) const {
    BufferView const x = scratch.x.rows(rows), active = scratch.active.rows(rows);
    auto const& in = layout_.in;
    int64_t const column_bytes = layout_.active_columns * bytes_of(active.type);
    Sums sums{};
    for (int64_t p = share.first(in.panels()); p < share.last(in.panels()); ++p)
        for_tiles(rows, {}, [&](int64_t first, int64_t n) {
            in_tile_[static_cast<std::size_t>(n)](x.row(first), network + p * in.panel_bytes(),
                                                  in.steps(), sums.value);
            activate_tile_(sums.value, n, active.row(first) + p * n * column_bytes);
        });
}

void FeedForward::project(std::byte const* network, Entries const& entries, Scratch& scratch,
                          BufferView out, Share share) const {
    auto const rows = std::ssize(entries.result);
    BufferView const active = scratch.active.rows(rows);
    auto const& down = layout_.down;
    std::byte const* const weights = network + layout_.in.weight_bytes();
    Sums sums{};
    for (int64_t p = share.first(down.panels()); p < share.last(down.panels()); ++p)
        for_tiles(rows, {}, [&](int64_t first, int64_t n) {
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
