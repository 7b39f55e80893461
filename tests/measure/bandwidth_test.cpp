#include "measure/bandwidth.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace epsim {
namespace {

/// The busiest end of any rank: every message adds to its sender and to its receiver.
int64_t busiest(Array<int64_t, 2> const& bytes, bool with_self) {
    auto const n = static_cast<std::size_t>(bytes.extent(0));
    std::vector<int64_t> sent(n), received(n);
    for (std::size_t from = 0; from < n; ++from)
        for (std::size_t to = 0; to < n; ++to)
            if (with_self || from != to) {
                sent[from] += bytes(from, to);
                received[to] += bytes(from, to);
            }
    sent.insert(sent.end(), received.begin(), received.end());
    return *std::max_element(sent.begin(), sent.end());
}

TEST(Bandwidth, CountsExactBytes) {
    std::mt19937 random(5);
    for (int64_t ranks : {1, 2, 3, 8, 13})
        for (int trial = 0; trial < 20; ++trial) {
            Array<int64_t, 2> bytes({ranks, ranks});
            for (auto& b : bytes.flat()) b = static_cast<int64_t>(random() % 4) << (random() % 30);
            auto const got = bandwidth(bytes, 0.5);
            EXPECT_EQ(got.algbw, static_cast<double>(busiest(bytes, true)) * 2);
            EXPECT_EQ(got.busbw, static_cast<double>(busiest(bytes, false)) * 2);
        }
}

TEST(Bandwidth, ReducesToTheUsualFactorUnderUniformTraffic) {
    constexpr int64_t ranks = 4;
    auto const got = bandwidth(Array<int64_t, 2>({ranks, ranks}, 100), 1);
    EXPECT_EQ(got.algbw, 400);
    EXPECT_EQ(got.busbw, got.algbw * (ranks - 1) / ranks);
}

TEST(Bandwidth, HasNoneWithoutTime) {
    Array<int64_t, 2> const bytes({2, 2}, 1);
    for (double t : {0.0, -1.0, std::nan("")}) {
        EXPECT_TRUE(std::isnan(bandwidth(bytes, t).algbw));
        EXPECT_TRUE(std::isnan(bandwidth(bytes, t).busbw));
    }
}

}  // namespace
}  // namespace epsim
