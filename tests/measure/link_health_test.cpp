#include "measure/link_health.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>

namespace epsim {
namespace {

/// A made-up machine: links of two classes and two sizes, every time up to `noise` longer.
struct Machine {
    std::vector<int32_t> node;
    Array<double, 3> seconds;
    std::mt19937_64 random;

    Machine(int ranks, int ranks_per_node, double noise, uint64_t seed) : random(seed) {
        for (int r = 0; r < ranks; ++r) node.push_back(r / ranks_per_node);
        seconds = Array<double, 3>({2, ranks, ranks}, std::numeric_limits<double>::quiet_NaN());
        std::uniform_real_distribution<double> longer(1, 1 + noise);
        for (int a = 0; a < ranks; ++a)
            for (int b = 0; b < ranks; ++b) {
                if (a == b) continue;
                double const far = node[index(a)] == node[index(b)] ? 1 : 20;
                seconds(0, a, b) = 3e-6 * far * longer(random);
                seconds(1, a, b) = 400e-6 * far * longer(random);
            }
    }
    static std::size_t index(int64_t rank) { return static_cast<std::size_t>(rank); }
    int64_t ranks() const { return std::ssize(node); }
    int64_t draw(int64_t below) {
        return std::uniform_int_distribution<int64_t>(0, below - 1)(random);
    }
    void slow_link(int64_t a, int64_t b, double factor, int size) {
        seconds(size, a, b) *= factor;
        seconds(size, b, a) *= factor;
    }
    LinkHealth diagnose() const { return diagnose_links(seconds, node); }
};

std::set<int64_t> names(LinkHealth const& health) {
    std::set<int64_t> ranks;
    for (auto const& sick : health.ranks) ranks.insert(sick.rank);
    return ranks;
}

/// Shapes of machines: ranks, ranks a node.
std::vector<std::pair<int, int>> const shapes{{3, 3},   {4, 4},  {5, 5},  {7, 7},
                                              {8, 4},   {9, 1},  {12, 3}, {16, 8},
                                              {31, 31}, {48, 8}, {64, 4}, {13, 5}};

TEST(LinkHealth, NothingIsSickInMereNoise) {
    for (auto const& [ranks, per_node] : shapes)
        for (uint64_t seed = 0; seed < 20; ++seed) {
            auto const health = Machine(ranks, per_node, 0.9, seed).diagnose();
            EXPECT_TRUE(health.healthy()) << ranks << " / " << per_node << ", seed " << seed;
        }
}

TEST(LinkHealth, OneSlowRankIsNamedAndNoOneElse) {
    for (auto const& [ranks, per_node] : shapes)
        for (uint64_t seed = 0; seed < 20; ++seed) {
            Machine machine(ranks, per_node, 0.4, seed);
            int64_t const sick = machine.draw(ranks);
            int const size = static_cast<int>(machine.draw(2));  // latency or bandwidth
            for (int64_t r = 0; r < ranks; ++r)
                if (r != sick) machine.slow_link(sick, r, 3, size);
            auto const health = machine.diagnose();
            EXPECT_EQ(names(health), std::set{sick}) << ranks << " / " << per_node << ", " << seed;
            EXPECT_TRUE(health.links.empty());
            ASSERT_FALSE(health.ranks.empty());
            EXPECT_EQ(health.ranks[0].slow, ranks - 1);
            EXPECT_GT(health.ranks[0].ratio, 2);
        }
}

TEST(LinkHealth, AMinorityOfSlowRanksIsNamed) {
    for (auto const& [ranks, per_node] : shapes) {
        if (per_node != ranks || ranks < 5) continue;
        Machine machine(ranks, per_node, 0.4, static_cast<uint64_t>(ranks));
        std::set<int64_t> sick;
        while (std::ssize(sick) < (ranks - 1) / 2) sick.insert(machine.draw(ranks));
        for (int64_t const s : sick)
            for (int64_t r = 0; r < ranks; ++r)
                if (r != s) machine.slow_link(s, r, 3, 0);
        EXPECT_EQ(names(machine.diagnose()), sick) << ranks;
    }
}

TEST(LinkHealth, OneSlowLinkIsNamedAndNoRank) {
    for (auto const& [ranks, per_node] : shapes)
        for (uint64_t seed = 0; seed < 20; ++seed) {
            Machine machine(ranks, per_node, 0.4, seed);
            int64_t a = machine.draw(ranks), b = machine.draw(ranks);
            if (a == b) b = (a + 1) % ranks;
            machine.slow_link(a, b, 5, static_cast<int>(machine.draw(2)));
            auto const health = machine.diagnose();
            EXPECT_TRUE(health.ranks.empty()) << ranks << " / " << per_node << ", " << seed;
            ASSERT_EQ(health.links.size(), 1u);
            EXPECT_EQ(health.links[0].first, std::min(a, b));
            EXPECT_EQ(health.links[0].second, std::max(a, b));
            EXPECT_GT(health.links[0].ratio, 3);
        }
}

TEST(LinkHealth, ASlowDirectionIsEnough) {
    Machine machine(6, 6, 0.4, 1);
    machine.seconds(1, 4, 2) *= 10;
    auto const health = machine.diagnose();
    ASSERT_EQ(health.links.size(), 1u);
    EXPECT_EQ(std::pair(health.links[0].first, health.links[0].second), std::pair(2l, 4l));
    for (int64_t r = 0; r < 6; ++r)
        if (r != 3) machine.seconds(1, r, 3) *= 10;  // what rank 3 receives
    EXPECT_EQ(names(machine.diagnose()), std::set{int64_t{3}});
}

TEST(LinkHealth, ASlowNetworkCardMakesItsRanksSickOnTheNetworkOnly) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Machine machine(20, 4, 0.4, seed);
        for (int64_t a = 8; a < 12; ++a)
            for (int64_t b = 0; b < 20; ++b)
                if (b < 8 || b >= 12) machine.slow_link(a, b, 4, 1);
        auto const health = machine.diagnose();
        EXPECT_EQ(names(health), (std::set<int64_t>{8, 9, 10, 11}));
        for (auto const& sick : health.ranks) EXPECT_EQ(sick.links, "network");
        EXPECT_TRUE(health.links.empty());
    }
}

TEST(LinkHealth, ASlowRankAndASlowLinkElsewhere) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Machine machine(10, 10, 0.4, seed);
        for (int64_t r = 0; r < 9; ++r) machine.slow_link(9, r, 3, 0);
        machine.slow_link(2, 5, 4, 1);
        auto const health = machine.diagnose();
        EXPECT_EQ(names(health), std::set{int64_t{9}});
        ASSERT_EQ(health.links.size(), 1u);
        EXPECT_EQ(health.links[0].first, 2);
    }
}

TEST(LinkHealth, TypicalIsOfTheClassAndWhatIsMissingIsNotCompared) {
    Machine machine(6, 3, 0, 1);
    machine.seconds(0, 1, 4) = machine.seconds(0, 4, 1) = machine.seconds(1, 1, 4) =
        machine.seconds(1, 4, 1) = std::numeric_limits<double>::quiet_NaN();
    auto const health = machine.diagnose();
    EXPECT_TRUE(health.healthy());
    ASSERT_EQ(health.typical.size(), 2u);
    EXPECT_EQ(health.typical[0].name, "node");
    EXPECT_EQ(health.typical[0].pairs, 6);
    EXPECT_EQ(health.typical[1].pairs, 8);
    EXPECT_DOUBLE_EQ(health.typical[0].seconds[0], 3e-6);
    EXPECT_DOUBLE_EQ(health.typical[1].seconds[1], 8e-3);
}

TEST(LinkHealth, TinyDifferencesAndSinglePairsAreNotJudged) {
    Array<double, 3> seconds({1, 4, 4}, 0.2e-6);
    for (int64_t r = 0; r < 3; ++r) seconds(0, 3, r) = seconds(0, r, 3) = 2.1e-6;  // 10 times
    std::vector<int32_t> const node(4, 0);
    EXPECT_TRUE(diagnose_links(seconds, node).healthy());
    for (int64_t r = 0; r < 3; ++r) seconds(0, 3, r) = seconds(0, r, 3) = 2.3e-6;
    EXPECT_EQ(names(diagnose_links(seconds, node)), std::set{int64_t{3}});
    for (int ranks : {0, 1, 2}) EXPECT_TRUE(Machine(ranks, 2, 0.5, 1).diagnose().healthy());
    EXPECT_TRUE(diagnose_links(Array<double, 3>({0, 4, 4}), node).healthy());
}

}  // namespace
}  // namespace epsim
