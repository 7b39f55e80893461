#include "compute/cpu/pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace epsim::cpu {
namespace {

std::vector<int64_t> offsets(std::vector<int64_t> const& rows) {
    std::vector<int64_t> offset{0};
    for (int64_t const n : rows) offset.push_back(offset.back() + n);
    return offset;
}

std::vector<Piece> all(Pieces const& pieces) {
    std::vector<Piece> both(pieces.together().begin(), pieces.together().end());
    both.insert(both.end(), pieces.alone().begin(), pieces.alone().end());
    return both;
}

TEST(Pieces, HoldEveryEntryOnceInPartsOfEqualLength) {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        std::vector<int64_t> rows(random() % 9);
        for (auto& n : rows) n = random() % 3 ? static_cast<int64_t>(random() % 400) : 0;
        auto const longest = 1 + static_cast<int64_t>(random() % 120);
        Pieces pieces(1 + static_cast<int>(random() % 4));
        pieces.divide(offsets(rows), longest);
        auto parts = all(pieces);
        std::ranges::sort(parts, {}, [](Piece const& p) { return std::pair(p.slot, p.first); });
        std::vector<int64_t> found(rows.size());
        for (auto const& p : parts) {
            ASSERT_EQ(p.first, found[p.slot]);
            found[p.slot] += p.rows;
            ASSERT_GE(p.rows, 1);
            ASSERT_LE(p.rows, longest);
            int64_t const n = (rows[p.slot] + longest - 1) / longest;
            ASSERT_LE(std::abs(p.rows * n - rows[p.slot]), n);
        }
        ASSERT_EQ(found, rows);
    }
}

/// Done as they say, no thread ends later than 3 % after equal shares would.
TEST(Pieces, LeaveNoThreadWaiting) {
    std::mt19937 random(2);
    for (int round = 0; round < 300; ++round) {
        std::vector<int64_t> rows(1 + random() % 30);
        for (auto& n : rows) n = static_cast<int64_t>(random() % (random() % 4 ? 20 : 900));
        int const threads = 2 + static_cast<int>(random() % 7);
        Pieces pieces(threads);
        pieces.divide(offsets(rows), 112);
        double total = 0, shared = 0;
        for (auto const& p : all(pieces)) total += static_cast<double>(pieces.cost(p));
        for (auto const& p : pieces.together())
            shared += static_cast<double>(pieces.cost(p)) / threads;
        std::vector<double> end(static_cast<std::size_t>(threads), shared);
        for (auto const& p : pieces.alone())
            *std::ranges::min_element(end) += static_cast<double>(pieces.cost(p));
        ASSERT_LE(std::ranges::max(end), 1.03 * total / threads + 1e-9);
    }
}

TEST(Pieces, AreDoneAloneWhereThatIsFair) {
    Pieces two(2);
    two.divide(offsets(std::vector<int64_t>(64, 30)), 112);
    EXPECT_TRUE(two.together().empty());
    two.divide(offsets({30}), 112);
    EXPECT_EQ(two.together().size(), 1);
    two.divide(offsets({30, 30, 30}), 112);
    EXPECT_EQ(two.together().size(), 1);
    EXPECT_EQ(two.alone().size(), 2);
}

TEST(Pieces, OfOneThreadKeepTheOrderOfSlots) {
    Pieces one(1);
    one.divide(offsets({5, 200, 0, 30}), 112);
    EXPECT_TRUE(one.together().empty());
    std::vector<std::size_t> slots;
    for (auto const& p : one.alone()) slots.push_back(p.slot);
    EXPECT_EQ(slots, (std::vector<std::size_t>{0, 1, 1, 3}));
}

}  // namespace
}  // namespace epsim::cpu
