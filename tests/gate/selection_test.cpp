#include "gate/selection.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "gate/ranks.hpp"

namespace epsim {
namespace {

struct Items {
    std::vector<uint64_t> key;
    std::vector<int32_t> group;
};

/// The `room` smallest keys of each group by sorting, over all ranks.
std::vector<std::set<uint64_t>> smallest(std::vector<Items> const& ranks,
                                         std::vector<int64_t> const& room) {
    std::vector<std::set<uint64_t>> of_group(room.size());
    for (auto const& items : ranks)
        for (std::size_t i = 0; i < items.key.size(); ++i)
            if (items.group[i] >= 0)
                of_group[static_cast<std::size_t>(items.group[i])].insert(items.key[i]);
    for (std::size_t g = 0; g < room.size(); ++g)
        while (std::ssize(of_group[g]) > std::max<int64_t>(room[g], 0))
            of_group[g].erase(std::prev(of_group[g].end()));
    return of_group;
}

TEST(Selection, FindsTheSmallestKeysOfEachGroupOverAllRanks) {
    std::mt19937_64 random(std::random_device{}());
    for (int trial = 0; trial < 40; ++trial) {
        int const key_bits = static_cast<int>(std::array{1, 7, 8, 9, 33, 64}[random() % 6]);
        int const ranks = 1 + static_cast<int>(random() % 5);
        std::vector<int64_t> room(1 + random() % 6);
        for (auto& r : room) r = static_cast<int64_t>(random() % 30) - 2;
        std::vector<Items> items(static_cast<std::size_t>(ranks));
        std::set<std::pair<int32_t, uint64_t>> seen;
        for (int i = 0; i < 150; ++i) {
            uint64_t key = random() >> (64 - key_bits);
            if (random() % 2) key >>= key_bits / 2;  // many with equal high digits
            auto const group = static_cast<int32_t>(random() % (room.size() + 1)) - 1;
            if (!seen.insert({group, key}).second) continue;
            auto& to = items[random() % items.size()];
            to.key.push_back(key);
            to.group.push_back(group);
        }
        auto const expected = smallest(items, room);
        test::on_ranks(ranks, [&](int rank, SumOverRanks const& sum) {
            auto const& mine = items[static_cast<std::size_t>(rank)];
            auto const chosen = smallest_of_groups(mine.key, mine.group, room, key_bits, sum);
            for (std::size_t i = 0; i < chosen.size(); ++i) {
                bool const wanted =
                    mine.group[i] >= 0 &&
                    expected[static_cast<std::size_t>(mine.group[i])].contains(mine.key[i]);
                EXPECT_EQ(chosen[i], wanted) << "key " << mine.key[i];
            }
        });
    }
}

TEST(Selection, DescendingKeysReverseTheOrderOfFloats) {
    std::vector<float> const ascending{-3e30f, -1.0f, -1e-40f, 0.0f, 1e-45f, 1e-38f, 0.5f, 3e38f};
    for (std::size_t i = 1; i < ascending.size(); ++i)
        EXPECT_GT(descending_key(ascending[i - 1]), descending_key(ascending[i]));
    EXPECT_EQ(descending_key(-0.0f), descending_key(0.0f));
    EXPECT_LT(descending_key(-3e38f), uint64_t{1} << descending_key_bits);
}

TEST(Selection, BitsTellNumbersApart) {
    EXPECT_EQ(bits_for(0), 0);
    EXPECT_EQ(bits_for(1), 0);
    EXPECT_EQ(bits_for(2), 1);
    EXPECT_EQ(bits_for(8), 3);
    EXPECT_EQ(bits_for(9), 4);
}

}  // namespace
}  // namespace epsim
