#include "measure/wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace epsim {
namespace {

Array<uint8_t, 2> everybody(int64_t ranks) {
    return Array<uint8_t, 2>({ranks, ranks}, 1);
}

TEST(Waits, EndWhereTheLastNeededRankComes) {
    std::vector<double> const in{0, 3, 1}, out{5, 4, 2};
    EXPECT_EQ(waits(in, out, everybody(3), {0, 0, 0}), (std::vector<double>{3, 0, 1}));
    auto needs = everybody(3);
    needs(0, 1) = 0;  // rank 0 does not need the late one
    EXPECT_EQ(waits(in, out, needs, {0, 0, 0}), (std::vector<double>{1, 0, 1}));
}

TEST(Waits, AreBlankWhereTheClocksCannotTell) {
    std::vector<double> const in{0, 3, 1}, out{5, 4, 2};
    auto const found = waits(in, out, everybody(3), {0, 0.9, 0.4});
    EXPECT_EQ(found[0], 3);  // 3 x 0.9 = 2.7 is less
    EXPECT_EQ(found[1], 0);  // the last one waits for nobody, whatever the clocks say
    EXPECT_TRUE(std::isnan(found[2]));
}

TEST(Waits, AreBetweenNothingAndThePhase) {
    std::mt19937 random(3);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int trial = 0; trial < 100; ++trial) {
        int64_t const ranks = 1 + trial % 7;
        std::vector<double> in, out;
        Array<uint8_t, 2> needs({ranks, ranks});
        for (auto& need : needs.flat()) need = random() % 2;
        for (int64_t r = 0; r < ranks; ++r) {
            in.push_back(uniform(random));
            out.push_back(in.back() + uniform(random));
        }
        auto const found = waits(in, out, needs, std::vector<double>(in.size(), 0));
        for (std::size_t r = 0; r < in.size(); ++r) {
            double late = in[r];
            for (std::size_t s = 0; s < in.size(); ++s)
                if (needs(r, s)) late = std::max(late, in[s]);
            EXPECT_EQ(found[r], std::min(late, out[r]) - in[r]);
        }
    }
}

TEST(Waits, OfRanksThatWereNotThereAreBlank) {
    double const nan = std::nan("");
    auto const found = waits({nan, 1}, {nan, 2}, everybody(2), {0, 0});
    EXPECT_TRUE(std::isnan(found[0]));
    EXPECT_EQ(found[1], 0);
}

}  // namespace
}  // namespace epsim
