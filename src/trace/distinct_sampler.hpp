#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "trace/token_words.hpp"

namespace epsim {

/// Draws k distinct ones of n items: each draw takes item i, of those not drawn yet, with
/// probability w_i / sum of their w (successive sampling). Work is bounded for every w, k = n too.
///
/// By rejection from an alias table (Walker 1977; Vose, IEEE TSE 17, 1991) while that is quick. The
/// outcome of the next accepted draw does not depend on how many were rejected, so what is missing
/// after a fixed number of tries is drawn otherwise without changing the distribution: the items
/// left, by ascending -ln(u_i) / w_i (Efraimidis and Spirakis, IPL 97, 2006).
/// The alias table is exact to 2^-32 of the total weight a cell; it has a power of two of cells, so
/// that a word's first bits are the cell and the others the fraction within it.
class DistinctSampler {
public:
    /// \param log_weight [n] natural logarithms of the weights w; any finite numbers
    /// \param draws k, in [1, n]
    DistinctSampler(std::vector<double> log_weight, int draws);

    /// Blocks of a token's words that its draws may ask for.
    uint32_t blocks() const noexcept {
        return tries_ / 4 + static_cast<uint32_t>(log_weight_.size());
    }

    /// For each token of the range, k items in the order they were drawn.
    /// \param first_block of a token's words: those from it on are used, blocks() of them
    /// \param item [range.size(), k]
    void draw(TokenWords const& words, uint32_t first_block, TokenRange range,
              std::span<int32_t> item) const;

private:
    struct Cell {
        uint32_t threshold;  // keep the cell's own item if the fraction is below
        uint32_t alias;      // otherwise this one
    };
    struct Room;  // that one call reuses from token to token

    void make_cells(std::vector<double> weight);
    int32_t pick(uint32_t word) const noexcept;
    void draw_tile(Room& room, int64_t first, std::size_t tokens, std::span<int32_t> item) const;
    /// The items of a token from the count-th on, after some tries.
    void complete(Room& room, int64_t token, std::size_t count, std::span<int32_t> item,
                  uint32_t tried) const;
    void draw_left(Room& room, int64_t token, std::span<int32_t> item) const;

    std::vector<double> log_weight_;
    int cell_bits_ = 1;
    std::vector<Cell> cell_;  // [2^cell_bits]
    std::size_t draws_;
    uint32_t tries_;        // before the keys; a multiple of 4
    uint32_t quick_tries_;  // made for many tokens together; a multiple of 4; 0 = none
};

}  // namespace epsim
