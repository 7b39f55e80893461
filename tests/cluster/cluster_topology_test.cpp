#include "cluster/cluster_topology.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace epsim {
namespace {

TEST(ClusterTopology, NumbersHostsByFirstAppearance) {
    std::vector<std::string> const hosts{"b", "a", "b", "c", "a", "b"};
    auto const topology = ClusterTopology::by_host(hosts);
    EXPECT_EQ(topology.ranks(), 6);
    EXPECT_EQ(topology.nodes(), 3);
    std::vector<int> const node{0, 1, 0, 2, 1, 0}, local{0, 0, 1, 0, 1, 2};
    for (int r = 0; r < 6; ++r) {
        EXPECT_EQ(topology.node_of(RankId{r}), node[static_cast<std::size_t>(r)]);
        EXPECT_EQ(topology.local_rank(RankId{r}), local[static_cast<std::size_t>(r)]);
    }
    EXPECT_THROW(topology.node_of(RankId{6}), std::out_of_range);
}

TEST(ClusterTopology, CutsBlocks) {
    for (int ranks : {1, 2, 3, 7, 16})
        for (int per_node : {1, 2, 3, 16, 100}) {
            auto const topology = ClusterTopology::blocks(ranks, per_node);
            EXPECT_EQ(topology.ranks(), ranks);
            EXPECT_EQ(topology.nodes(), (ranks + per_node - 1) / per_node);
            for (int r = 0; r < ranks; ++r) {
                EXPECT_EQ(topology.node_of(RankId{r}), r / per_node);
                EXPECT_EQ(topology.local_rank(RankId{r}), r % per_node);
            }
        }
    EXPECT_THROW(ClusterTopology::blocks(0, 1), Error);
    EXPECT_THROW(ClusterTopology::blocks(1, 0), Error);
}

TEST(ClusterTopology, ClassifiesLinks) {
    auto const topology = ClusterTopology::blocks(5, 2);
    for (int from = 0; from < 5; ++from)
        for (int to = 0; to < 5; ++to) {
            auto const expected = from == to           ? LinkClass::self
                                  : from / 2 == to / 2 ? LinkClass::node
                                                       : LinkClass::network;
            EXPECT_EQ(topology.link(RankId{from}, RankId{to}), expected);
        }
}

}  // namespace
}  // namespace epsim
