#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace epsim::cpu {

/// Entries [first, first + rows) of a slot's, which one pass over its weights serves.
struct Piece {
    std::size_t slot;
    int64_t first, rows;
};

/// What the threads of a kernel do: first all together the pieces of `together`, each thread a
/// share of the columns, then each thread alone the next piece of `alone`, the dearest first.
class Pieces {
public:
    /// \param waiting rows that are done while the weights come from memory: fewer take as long
    explicit Pieces(int threads, int64_t waiting = 8)
        : load_(static_cast<std::size_t>(threads)), waiting_(waiting) {}

    /// Takes memory for as many slots and entries.
    void reserve(int64_t slots, int64_t entries, int64_t longest);
    /// Equal pieces of at most `longest` rows of each slot. One thread keeps the order of the
    /// slots, in which weights lie in memory. Of several threads the pieces done together are the
    /// fewest (of a few numbers tried) that leave no thread waiting for long for the last one.
    void divide(std::span<int64_t const> slot_offset, int64_t longest);

    /// Of a piece's products, in rows.
    int64_t cost(Piece const& piece) const noexcept { return std::max(piece.rows, waiting_); }

    std::span<Piece const> together() const { return std::span(pieces_).first(together_); }
    std::span<Piece const> alone() const { return std::span(pieces_).subspan(together_); }

private:
    double makespan(std::size_t together);

    std::vector<Piece> pieces_;
    std::vector<int64_t> load_;  // a thread
    int64_t waiting_;
    std::size_t together_ = 0;
};

}  // namespace epsim::cpu
