#include "trace/distinct_sampler.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.hpp"
#include "core/simd.hpp"
#include "trace/inclusion.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

constexpr std::size_t tile = TokenWords::tile;
constexpr int most_tiled_draws = 256;  // beyond, comparing all tries with each other is slow

using Picked = uint16_t;  // an item: half the lanes of its own type
static_assert(most_experts <= 1 << 16);
using Lanes [[gnu::vector_size(tile * sizeof(Picked))]] = Picked;

/// An item of each token.
struct alignas(tile * sizeof(Picked)) Row {
    Picked item[tile];
    Lanes& lanes() noexcept { return *reinterpret_cast<Lanes*>(item); }
    Lanes const& lanes() const noexcept { return *reinterpret_cast<Lanes const*>(item); }
};

/// Each token's first different items among its tries, in order.
/// \param picked [tries] what each try found, \param slot [draws] the items: the first ones of a
///        token with fewer than `draws`, whose number is \param count
EPSIM_SIMD_CLONES void keep_new(Row const* picked, std::size_t tries, Row* slot, std::size_t draws,
                                Row& count) noexcept {
    // An empty slot holds the first item: what is found in it has been drawn.
    for (std::size_t j = 0; j < draws; ++j) slot[j] = picked[0];
    Lanes kept = Lanes{} + Picked{1};
    for (std::size_t i = 1; i < tries; ++i) {
        Lanes const mine = picked[i].lanes();
        Lanes again = (Lanes)(slot[0].lanes() == mine);
        for (std::size_t j = 1; j < std::min(i, draws); ++j)
            again |= (Lanes)(slot[j].lanes() == mine);
        Lanes const to = kept | again;  // its slot; none if it is not new
        for (std::size_t j = 1; j < std::min(i + 1, draws); ++j) {
            auto const here = (Lanes)(to == static_cast<Picked>(j));
            slot[j].lanes() = (here & mine) | (~here & slot[j].lanes());
        }
        kept += ~again & Picked{1};
    }
    count.lanes() = kept;
}

/// A multiple of 4: as many tries as find k new items on average.
uint32_t usual_tries(std::span<double const> share, int draws) {
    double const expected = exposure(share, draws);
    return expected < 4.0 * draws ? static_cast<uint32_t>(std::ceil(expected / 4)) * 4 : 0;
}

}  // namespace

struct DistinctSampler::Room {
    TokenWords const& words;
    uint32_t first_block;
    std::vector<uint32_t> word;                        // [quick tries, tile]
    std::vector<Row> picked;                           // [quick tries]
    std::vector<Row> slot;                             // [draws]
    std::vector<uint64_t> drawn;                       // [n] bits, zero between tokens
    std::vector<std::pair<double, int32_t>> key = {};  // of the items left
};

inline int32_t DistinctSampler::pick(uint32_t word) const noexcept {
    uint32_t const place = word >> (32 - cell_bits_);
    Cell const cell = cell_[place];
    // Without a branch, which would be wrong half of the time.
    uint32_t const other = word << cell_bits_ < cell.threshold ? 0 : UINT32_MAX;
    return static_cast<int32_t>(place ^ ((place ^ cell.alias) & other));
}

DistinctSampler::DistinctSampler(std::vector<double> log_weight, int draws)
    : log_weight_(std::move(log_weight)),
      draws_(static_cast<std::size_t>(draws)),
      tries_(4 * static_cast<uint32_t>(draws) + 32) {
    check(draws >= 1 && draws_ <= log_weight_.size(), "between one and all of the items are drawn");
    auto const share = shares(log_weight_);
    quick_tries_ = draws <= most_tiled_draws ? usual_tries(share, draws) : 0;
    make_cells(share);
}

void DistinctSampler::make_cells(std::vector<double> weight) {
    auto const items = weight.size();
    auto const heaviest = std::ranges::max_element(weight) - weight.begin();
    cell_bits_ = std::max(1, static_cast<int>(std::bit_width(items - 1)));
    auto const cells = std::size_t{1} << cell_bits_;
    weight.resize(cells);  // cells beyond the items have no item of their own
    cell_.assign(cells, {0, static_cast<uint32_t>(heaviest)});
    std::vector<std::size_t> small, large;
    for (std::size_t i = 0; i < cells; ++i) {
        weight[i] *= static_cast<double>(cells);  // their mean is 1
        if (i < items) cell_[i] = {UINT32_MAX, static_cast<uint32_t>(i)};
        (weight[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
        auto const s = small.back(), l = large.back();
        small.pop_back();
        cell_[s] = {static_cast<uint32_t>(weight[s] * 0x1p32), static_cast<uint32_t>(l)};
        weight[l] -= 1 - weight[s];
        if (weight[l] < 1) {
            large.pop_back();
            small.push_back(l);
        }
    }
}

void DistinctSampler::draw(TokenWords const& words, uint32_t first_block, TokenRange range,
                           std::span<int32_t> item) const {
    Room room{words,
              first_block,
              std::vector<uint32_t>(quick_tries_ * tile),
              std::vector<Row>(quick_tries_),
              std::vector<Row>(draws_),
              std::vector<uint64_t>((log_weight_.size() + 63) / 64)};
    for (int64_t first = range.begin; first < range.end; first += TokenWords::tile) {
        auto const n =
            static_cast<std::size_t>(std::min<int64_t>(TokenWords::tile, range.end - first));
        auto const items =
            item.subspan(static_cast<std::size_t>(first - range.begin) * draws_, n * draws_);
        if (quick_tries_ > 0)
            draw_tile(room, first, n, items);
        else
            for (std::size_t t = 0; t < n; ++t)
                complete(room, first + static_cast<int64_t>(t), 0,
                         items.subspan(t * draws_, draws_), 0);
    }
}

void DistinctSampler::draw_tile(Room& room, int64_t first, std::size_t tokens,
                                std::span<int32_t> item) const {
    room.words.fill(first, room.first_block, room.word);
    for (std::size_t i = 0; i < quick_tries_; ++i)
        for (std::size_t t = 0; t < tile; ++t)
            room.picked[i].item[t] = static_cast<Picked>(pick(room.word[i * tile + t]));
    Row count;
    keep_new(room.picked.data(), quick_tries_, room.slot.data(), draws_, count);
    for (std::size_t t = 0; t < tokens; ++t) {
        auto const mine = item.subspan(t * draws_, draws_);
        for (std::size_t j = 0; j < draws_; ++j) mine[j] = room.slot[j].item[t];
        if (count.item[t] < draws_)
            complete(room, first + static_cast<int64_t>(t), count.item[t], mine, quick_tries_);
    }
}

void DistinctSampler::complete(Room& room, int64_t token, std::size_t count,
                               std::span<int32_t> item, uint32_t tried) const {
    auto const bits = [&](int32_t i) -> uint64_t& {
        return room.drawn[static_cast<uint32_t>(i) / 64];
    };
    auto const bit = [](int32_t i) { return uint64_t{1} << (i % 64); };
    for (int32_t const i : item.first(count)) bits(i) |= bit(i);
    PhiloxCounter word{};
    for (uint32_t i = tried; i < tries_ && count < item.size(); ++i) {
        if (i % 4 == 0) word = room.words(token, room.first_block + i / 4);
        int32_t const picked = item[count] = pick(word[i % 4]);
        count += (bits(picked) & bit(picked)) == 0;
        bits(picked) |= bit(picked);
    }
    if (count < item.size()) draw_left(room, token, item.subspan(count));
    for (int32_t const i : item) bits(i) = 0;
}

void DistinctSampler::draw_left(Room& room, int64_t token, std::span<int32_t> item) const {
    room.key.clear();
    for (uint32_t i = 0; i < log_weight_.size(); ++i) {
        if ((room.drawn[i / 64] >> (i % 64) & 1) != 0) continue;
        auto const word = room.words(token, room.first_block + tries_ / 4 + i);
        // ln(-ln u / w): the same order as -ln u / w, and no weight is too small for it.
        double const u = uniform01_open(word[0], word[1]);
        room.key.emplace_back(std::log(-std::log(u)) - log_weight_[i], static_cast<int32_t>(i));
    }
    auto const middle = room.key.begin() + static_cast<std::ptrdiff_t>(item.size());
    std::partial_sort(room.key.begin(), middle, room.key.end());
    std::transform(room.key.begin(), middle, item.begin(),
                   [](auto const& key) { return key.second; });
}

}  // namespace epsim
