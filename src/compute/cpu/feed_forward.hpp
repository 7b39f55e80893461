#pragma once

#include "compute/cpu/layout.hpp"
#include "compute/cpu/row_packing.hpp"
#include "compute/forward_checks.hpp"

namespace epsim::cpu {

/// One of `of` equal shares of some work.
struct Share {
    int64_t index = 0, of = 1;

    int64_t first(int64_t n) const { return n * index / of; }
    int64_t last(int64_t n) const { return n * (index + 1) / of; }
};

/// The two products of one network on a piece of its entries, as three steps. Of each step all
/// shares must be done before the next begins.
class FeedForward {
public:
    FeedForward(FeedForwardSpec const& spec, CpuLevel level);

    Layout const& layout() const { return layout_; }
    /// Rows of a piece at most: their x and activated rows stay in the second cache while the
    /// weights pass.
    int64_t longest_piece() const { return longest_piece_; }

    /// Rows whose products take as long as the weights from memory, about.
    int64_t waiting_rows() const { return layout_.down.product == Product::amx ? 64 : 8; }

    /// Packed rows between the steps.
    struct Scratch {
        HostBuffer x, active;
    };
    /// For pieces of up to `rows` rows.
    Scratch make_scratch(int64_t rows) const;

    void gather(Entries const& entries, BufferView in, Scratch& scratch, Share share) const;
    void activate(std::byte const* network, int64_t rows, Scratch& scratch, Share share) const;
    void project(std::byte const* network, Entries const& entries, Scratch& scratch, BufferView out,
                 Share share) const;
    /// All three.
    void run(std::byte const* network, Entries const& entries, BufferView in, Scratch& scratch,
             BufferView out) const;

private:
    Layout layout_;
    int64_t longest_piece_;
    ActivateTile activate_tile_;
    std::array<Tile, most_tile_rows + 1> in_tile_{}, down_tile_{};  // by rows, from 1
};

}  // namespace epsim::cpu
