#include "dispatch/distinct_rows.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support/random_routing.hpp"

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
        SlotRouting slots;
        resolve_replicas(routing, placement, LayerId{0}, slots);
        DispatchPlanner planner;
        auto const distinct = distinct_rows(planner.plan(slots, placement), topology);

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

TEST(DistinctRows, LeaveOutPadding) {
    DispatchPlan plan;
    plan.tokens = 2;
    plan.row_offset = {0, 3, 4};
    plan.row_token = {1, -1, 1, -1};
    auto const distinct = distinct_rows(plan, ClusterTopology::blocks(2, 1));
    EXPECT_EQ(distinct.to_rank, (std::vector<int64_t>{1, 0}));
    EXPECT_EQ(distinct.to_node, (std::vector<int64_t>{1, 0}));
    EXPECT_EQ(distinct.tokens, 1);
}

}  // namespace
}  // namespace epsim
