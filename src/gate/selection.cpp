#include "gate/selection.hpp"

#include <bit>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr int digit_bits = 8, digits = 1 << digit_bits;

/// A group with more items than room: what is known of its largest accepted key.
struct Border {
    int64_t room = 0;     ///< for items that begin with `prefix`
    uint64_t prefix = 0;  ///< high digits of the border
    bool found = false;   ///< all items that begin with `prefix` fit
    uint64_t last = 0;    ///< once found: the largest key that is accepted
};

/// \param histogram [digits] of the next digit, of items that begin with the border's prefix
void refine(Border& border, std::span<int64_t const> histogram, int shift) {
    std::size_t digit = 0;
    while (histogram[digit] < border.room) border.room -= histogram[digit++];
    border.prefix = border.prefix << digit_bits | digit;
    border.found = histogram[digit] == border.room;
    border.last = (border.prefix << shift) | ((uint64_t{1} << shift) - 1);
}

}  // namespace

std::vector<bool> smallest_of_groups(std::span<uint64_t const> key, std::span<int32_t const> group,
                                     std::span<int64_t const> room, int key_bits,
                                     SumOverRanks const& sum) {
    check(key.size() == group.size() && key_bits <= 64, "every item has a group and a key");
    std::vector<int64_t> items(room.size());
    for (int32_t const g : group)
        if (g >= 0) ++items[static_cast<std::size_t>(g)];
    sum(items);

    constexpr int32_t all = -1, none = -2;
    std::vector<int32_t> border_of(room.size());  // position in `borders`, or one of the above
    std::vector<Border> borders;
    for (std::size_t g = 0; g < room.size(); ++g) {
        bool const fits = items[g] <= room[g];
        border_of[g] = fits ? all : room[g] <= 0 ? none : static_cast<int32_t>(borders.size());
        if (border_of[g] >= 0) borders.push_back({room[g]});
    }

    auto open = static_cast<int64_t>(borders.size());
    std::vector<int64_t> histograms;
    for (int shift = (key_bits - 1) / digit_bits * digit_bits; open > 0; shift -= digit_bits) {
        check(shift >= 0, "keys of a group are distinct");
        histograms.assign(borders.size() * digits, 0);
        for (std::size_t i = 0; i < key.size(); ++i) {
            int32_t const at = group[i] < 0 ? none : border_of[static_cast<std::size_t>(group[i])];
            if (at < 0) continue;
            auto const& border = borders[static_cast<std::size_t>(at)];
            uint64_t const high = key[i] >> shift;
            if (!border.found && high >> digit_bits == border.prefix)
                ++histograms[static_cast<std::size_t>(at) * digits + high % digits];
        }
        sum(histograms);
        open = 0;
        for (std::size_t b = 0; b < borders.size(); ++b) {
            if (borders[b].found) continue;
            refine(borders[b], std::span(histograms).subspan(b * digits, digits), shift);
            open += !borders[b].found;
        }
    }

    std::vector<bool> chosen(key.size());
    for (std::size_t i = 0; i < key.size(); ++i) {
        if (group[i] < 0) continue;
        int32_t const at = border_of[static_cast<std::size_t>(group[i])];
        chosen[i] = at == all || (at >= 0 && key[i] <= borders[static_cast<std::size_t>(at)].last);
    }
    return chosen;
}

uint64_t descending_key(float value) {
    constexpr uint32_t sign = 0x80000000u;
    auto const bits = std::bit_cast<uint32_t>(value + 0.0f);  // -0 becomes 0
    return bits & sign ? bits : ~(bits | sign);
}

int bits_for(int64_t n) {
    return n <= 1 ? 0 : std::bit_width(static_cast<uint64_t>(n - 1));
}

}  // namespace epsim
