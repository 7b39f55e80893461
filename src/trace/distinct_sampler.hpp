#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/rng.hpp"

namespace epsim {

/// Draws k distinct ones of n items: each draw takes item i, of those not drawn yet, with
/// probability w_i / sum of their w (successive sampling). Work is bounded for every w, k = n too.
///
/// By rejection from an alias table (Walker 1977; Vose, IEEE TSE 17, 1991) while that is quick. The
/// outcome of the next accepted draw does not depend on how many were rejected, so what is missing
/// after a fixed number of tries is drawn otherwise without changing the distribution: the items
/// left, by ascending -ln(u_i) / w_i (Efraimidis and Spirakis, IPL 97, 2006).
/// The alias table is exact to 2^-32 of the total weight a cell.
class DistinctSampler {
public:
    /// \param log_weight [n] natural logarithms of the weights w; any finite numbers
    /// \param draws k, in [1, n]
    DistinctSampler(std::vector<double> log_weight, int draws);

    /// Room that one thread reuses from call to call.
    struct Scratch {
        std::vector<uint64_t> drawn;                  // [n] bits, zero between calls
        std::vector<std::pair<double, int32_t>> key;  // of the items left
    };

    /// Blocks of random words that one call may ask for.
    uint32_t blocks() const noexcept { return tries_ / 4 + static_cast<uint32_t>(cell_.size()); }

    /// \param words words(b) is the b-th PhiloxCounter, b < blocks()
    /// \param item [k] the items in the order they were drawn
    template <class Words>
    void draw(Words const& words, std::span<int32_t> item, Scratch& scratch) const;

private:
    struct Cell {
        uint32_t threshold;  // keep the cell's own item if the fraction is below
        int32_t alias;       // otherwise this one
    };
    int32_t pick(uint32_t word) const noexcept {
        uint64_t const place = uint64_t{word} * cell_.size();  // cell and fraction within it
        auto const cell = static_cast<std::size_t>(place >> 32);
        return static_cast<uint32_t>(place) < cell_[cell].threshold ? static_cast<int32_t>(cell)
                                                                    : cell_[cell].alias;
    }
    template <class Words>
    void add_key(Words const& words, int32_t item, Scratch& scratch) const {
        auto const word = words(tries_ / 4 + static_cast<uint32_t>(item));
        scratch.key.emplace_back(log_key(word, item), item);
    }
    double log_key(PhiloxCounter const& word, int32_t item) const;
    static void take_least(Scratch& scratch, std::span<int32_t> item);

    std::vector<double> log_weight_;
    std::vector<Cell> cell_;
    uint32_t tries_;  // before the keys; a multiple of 4
};

template <class Words>
void DistinctSampler::draw(Words const& words, std::span<int32_t> item, Scratch& scratch) const {
    auto& drawn = scratch.drawn;
    drawn.resize((cell_.size() + 63) / 64);
    std::size_t count = 0;
    PhiloxCounter word{};
    for (uint32_t i = 0; i < tries_ && count < item.size(); ++i) {
        if (i % 4 == 0) word = words(i / 4);
        item[count] = pick(word[i % 4]);
        uint64_t& bits = drawn[static_cast<std::size_t>(item[count]) / 64];
        uint64_t const bit = uint64_t{1} << (item[count] % 64);
        count += (bits & bit) == 0;
        bits |= bit;
    }
    if (count < item.size()) {
        scratch.key.clear();
        for (int32_t i = 0; i < static_cast<int32_t>(cell_.size()); ++i)
            if ((drawn[static_cast<std::size_t>(i) / 64] >> (i % 64) & 1) == 0)
                add_key(words, i, scratch);
        take_least(scratch, item.subspan(count));
    }
    for (int32_t const i : item) drawn[static_cast<std::size_t>(i) / 64] = 0;
}

}  // namespace epsim
