#include "trace/distinct_sampler.hpp"

#include <algorithm>
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

/// \param picked, again [tries, tile]; again: 0 unless the token had picked the same before
EPSIM_SIMD_CLONES void find_repeats(Picked const* picked, std::size_t tries,
                                    uint16_t* again) noexcept {
    for (std::size_t i = 0; i < tries; ++i) {
        Picked const* const mine = picked + i * tile;
        uint16_t same[tile] = {};
        for (std::size_t j = 0; j < i; ++j)
            for (std::size_t t = 0; t < tile; ++t)
                same[t] |= picked[j * tile + t] == mine[t] ? 1 : 0;
        std::copy_n(same, tile, again + i * tile);
    }
}

/// \param kept [tile, tries] of each token what is no repetition, in order, \param count [tile]
void keep_new(Picked const* picked, uint16_t const* again, std::size_t tries, Picked* kept,
              std::size_t* count) noexcept {
    for (std::size_t t = 0; t < tile; ++t) {
        Picked* to = kept + t * tries;
        for (std::size_t i = 0; i < tries; ++i) {  // without a branch: a repetition is
            *to = picked[i * tile + t];            // written over
            to += again[i * tile + t] == 0 ? 1 : 0;
        }
        count[t] = static_cast<std::size_t>(to - (kept + t * tries));
    }
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
    std::vector<Picked> picked, again;                 // [quick tries, tile]
    std::vector<Picked> kept;                          // [tile, quick tries]
    std::vector<uint64_t> drawn;                       // [n] bits, zero between tokens
    std::vector<std::pair<double, int32_t>> key = {};  // of the items left
};

inline int32_t DistinctSampler::pick(uint32_t word) const noexcept {
    uint64_t const place = uint64_t{word} * cell_.size();  // cell and fraction within it
    Cell const cell = cell_[place >> 32];
    return static_cast<uint32_t>(place) < cell.threshold ? static_cast<int32_t>(place >> 32)
                                                         : cell.alias;
}

DistinctSampler::DistinctSampler(std::vector<double> log_weight, int draws)
    : log_weight_(std::move(log_weight)),
      draws_(static_cast<std::size_t>(draws)),
      tries_(4 * static_cast<uint32_t>(draws) + 32) {
    check(draws >= 1 && draws_ <= log_weight_.size(), "between one and all of the items are drawn");
    auto weight = shares(log_weight_);
    quick_tries_ = draws <= most_tiled_draws ? usual_tries(weight, draws) : 0;
    std::vector<std::size_t> small, large;
    for (std::size_t i = 0; i < weight.size(); ++i) {
        weight[i] *= static_cast<double>(weight.size());  // their mean is 1
        cell_.push_back({UINT32_MAX, static_cast<int32_t>(i)});
        (weight[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
        auto const s = small.back(), l = large.back();
        small.pop_back();
        cell_[s] = {static_cast<uint32_t>(weight[s] * 0x1p32), static_cast<int32_t>(l)};
        weight[l] -= 1 - weight[s];
        if (weight[l] < 1) {
            large.pop_back();
            small.push_back(l);
        }
    }
}

void DistinctSampler::draw(TokenWords const& words, uint32_t first_block, TokenRange range,
                           std::span<int32_t> item) const {
    auto const tries = std::size_t{quick_tries_} * tile;
    Room room{words,
              first_block,
              std::vector<uint32_t>(tries),
              std::vector<Picked>(tries),
              std::vector<Picked>(tries),
              std::vector<Picked>(tries),
              std::vector<uint64_t>((cell_.size() + 63) / 64)};
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
    Picked* const picked = room.picked.data();
    for (std::size_t i = 0; i < room.word.size(); ++i)
        picked[i] = static_cast<Picked>(pick(room.word[i]));
    find_repeats(picked, quick_tries_, room.again.data());
    std::size_t count[tile] = {};
    keep_new(picked, room.again.data(), quick_tries_, room.kept.data(), count);
    for (std::size_t t = 0; t < tokens; ++t) {
        auto const mine = item.subspan(t * draws_, draws_);
        for (std::size_t j = 0; j < draws_; ++j) mine[j] = room.kept[t * quick_tries_ + j];
        if (count[t] < draws_)
            complete(room, first + static_cast<int64_t>(t), count[t], mine, quick_tries_);
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
    for (uint32_t i = 0; i < cell_.size(); ++i) {
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
