#include "dispatch/distinct_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "support/random_routing.hpp"
#include "support/slot_routing.hpp"

namespace epsim {
namespace {

TEST(DistinctRows, AreThePairsOfTokenAndPlace) {
    std::mt19937 random(1);
    for (int trial = 0; trial < 100; ++trial) {
        int const ranks = 1 + static_cast<int>(random() % 7);
        std::vector<std::string> hosts;
        for (int r = 0; r < ranks; ++r)
            hosts.emplace_back(1, static_cast<char>('a' + random() % 3));
        auto const topology = ClusterTopology::by_host(hosts);
        int const experts = 1 + static_cast<int>(random() % 9);
        int const top_k = 1 + static_cast<int>(random() % static_cast<unsigned>(experts));
        auto const routing =
            test::random_routing(random, static_cast<int64_t>(random() % 40), experts, top_k,
                                 no_expert, trial % 2 == 0 ? 0.1 : 0.9);
        auto const placement = linear_placement(1, experts, ranks);
        auto const slots = test::slot_routing(routing, placement);
        auto const distinct = distinct_rows(slots, placement, topology);

        std::set<std::pair<int64_t, int>> by_rank, by_node;
        std::set<int64_t> tokens;
        for (std::size_t i = 0; i < routing.expert.size(); ++i) {
            if (routing.expert[i] == no_expert) continue;
            auto const token = static_cast<int64_t>(i) / routing.top_k;
            RankId const to = placement.rank_of(slots.slot[i]);
            by_rank.emplace(token, index(to));
            by_node.emplace(token, topology.node_of(to));
            tokens.insert(token);
        }
        std::vector<int64_t> to_rank(static_cast<std::size_t>(ranks)),
            to_node(static_cast<std::size_t>(topology.nodes()));
        for (auto const& [token, r] : by_rank) ++to_rank[static_cast<std::size_t>(r)];
        for (auto const& [token, n] : by_node) ++to_node[static_cast<std::size_t>(n)];
        EXPECT_EQ(distinct.to_rank, to_rank);
        EXPECT_EQ(distinct.to_node, to_node);
        EXPECT_EQ(distinct.tokens, std::ssize(tokens));
    }
}

/// What no formula can be wrong about: the number of distinct groups that a token's k experts hit.
TEST(DistinctRows, AreAsManyAsUniformRoutingLets) {
    // D(g) = g (1 - C(E - E/g, k) / C(E, k)) groups a token: DeepSeek-V3's E = 256, k = 8.
    constexpr int experts = 256, top_k = 8, ranks = 32, tokens = 4000;
    std::mt19937 random(3);
    auto const routing = test::random_routing(random, tokens, experts, top_k, no_expert, 0);
    auto const placement = linear_placement(1, experts, ranks);
    auto const topology = ClusterTopology::blocks(ranks, 4);
    auto const slots = test::slot_routing(routing, placement);
    auto const distinct = distinct_rows(slots, placement, topology);
    auto const per_token = [](std::vector<int64_t> const& to) {
        return static_cast<double>(std::accumulate(to.begin(), to.end(), int64_t{0})) / tokens;
    };
    // A token's count has a standard deviation under 1: five standard errors.
    double const sampling = 5 / std::sqrt(static_cast<double>(tokens));
    EXPECT_NEAR(per_token(distinct.to_rank), 7.267, sampling);
    EXPECT_NEAR(per_token(distinct.to_node), 5.295, sampling);
    EXPECT_EQ(distinct.tokens, tokens);
}

}  // namespace
}  // namespace epsim
