#include "layer/row_pattern.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace epsim::test {
namespace {

TEST(RowPattern, EveryChangedRowIsCountedOnce) {
    std::mt19937 random(std::random_device{}());
    for (int trial = 0; trial < 100; ++trial) {
        auto const row_bytes = static_cast<int64_t>(1 + random() % 300);
        auto const rows = static_cast<int64_t>(random() % 200);
        RowPattern const pattern{RankId{3}, RankId{5}, random()};
        std::vector<std::byte> block(static_cast<std::size_t>(rows * row_bytes));
        pattern.fill(block);
        EXPECT_EQ(pattern.wrong_rows(block, row_bytes), 0);
        std::set<int64_t> changed;
        for (unsigned n = rows > 0 ? random() % 20 : 0; n > 0; --n) {
            auto const at = random() % block.size();
            if (changed.insert(static_cast<int64_t>(at) / row_bytes).second)
                block[at] ^= static_cast<std::byte>(1 << random() % 8);
        }
        EXPECT_EQ(pattern.wrong_rows(block, row_bytes), std::ssize(changed));
    }
}

TEST(RowPattern, SourceDestinationAndExchangeMakeItAnother) {
    std::vector<std::byte> block(64);
    RowPattern{RankId{1}, RankId{2}, 7}.fill(block);
    for (RowPattern const& other :
         {RowPattern{RankId{2}, RankId{1}, 7}, RowPattern{RankId{1}, RankId{3}, 7},
          RowPattern{RankId{0}, RankId{2}, 7}, RowPattern{RankId{1}, RankId{2}, 8}})
        EXPECT_EQ(other.wrong_rows(block, 64), 1);
}

}  // namespace
}  // namespace epsim::test
