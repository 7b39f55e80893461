#include "schedule/exchange_candidates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "schedule/exchange_routes.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST(ExchangeCandidates, HandRowsOnOnlyWhereThereAreNodes) {
    for (auto const dedup : {Dedup::none, Dedup::rank}) {
        auto const one = exchange_candidates(ClusterTopology::blocks(4, 4), dedup);
        auto const two = exchange_candidates(ClusterTopology::blocks(4, 2), dedup);
        for (auto const* straight : {"alltoallv", "shm", "direct", "bruck"}) {
            EXPECT_THAT(one, Contains(straight));
            EXPECT_THAT(two, Contains(straight));
        }
        for (auto const* forwarding : {"rail", "hierarchical"}) {
            EXPECT_THAT(one, Not(Contains(forwarding)));
            EXPECT_THAT(two, Contains(forwarding));
        }
    }
    for (int const node : {2, 4})
        EXPECT_THAT(exchange_candidates(ClusterTopology::blocks(4, node), Dedup::node),
                    UnorderedElementsAre("rail", "hierarchical"));
}

TEST(ExchangeCandidates, CanAllShareRowsThatWay) {
    auto const placement = linear_placement(1, 7, 5);
    for (int const node : {1, 2, 5})
        for (auto const dedup : {Dedup::none, Dedup::rank, Dedup::node}) {
            auto const topology = ClusterTopology::blocks(5, node);
            for (auto const& algorithm : exchange_candidates(topology, dedup))
                EXPECT_NO_THROW(exchange_routes(algorithm, placement, topology, dedup, RankId{3}))
                    << algorithm;
        }
}

TEST(ExchangeCandidates, MoveRowsAlone) {
    auto const names = transport_candidates();
    EXPECT_THAT(names, Contains("alltoallv"));
    EXPECT_THAT(names, Contains("shm"));
    for (auto const* other : {"direct", "rail", "hierarchical", "auto"})
        EXPECT_THAT(names, Not(Contains(other)));
}

/// Ranks that a row meets on its way, its own first: as the README says it.
std::vector<int> way(std::string const& algorithm, ClusterTopology const& topology, int from,
                     int to) {
    auto const rank_at = [&](int node, int place) {
        std::vector<int> ranks;
        for (int r = 0; r < topology.ranks(); ++r)
            if (topology.node_of(RankId{r}) == node) ranks.push_back(r);
        return ranks[static_cast<std::size_t>(place) % ranks.size()];
    };
    int const here = topology.node_of(RankId{from}), there = topology.node_of(RankId{to});
    if (algorithm == "rail") return {from, rank_at(there, topology.local_rank(RankId{from})), to};
    if (algorithm == "hierarchical") return {from, rank_at(here, 0), rank_at(there, 0), to};
    return {from, to};
}

TEST(HopRows, FollowEveryRow) {
    std::mt19937 random(std::random_device{}());
    for (auto const& [ranks, node] :
         std::vector<std::pair<int, int>>{{1, 1}, {2, 1}, {4, 2}, {5, 2}, {7, 3}, {16, 4}}) {
        auto const topology = ClusterTopology::blocks(ranks, node);
        Array<int64_t, 2> rows({ranks, ranks});
        for (auto& n : rows.flat()) n = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 50);
        for (auto const& algorithm : exchange_algorithms()) {
            std::vector<Array<int64_t, 2>> expected(way(algorithm, topology, 0, 0).size() - 1,
                                                    Array<int64_t, 2>({ranks, ranks}));
            for (int from = 0; from < ranks; ++from)
                for (int to = 0; to < ranks; ++to) {
                    auto const met = way(algorithm, topology, from, to);
                    for (std::size_t h = 0; h + 1 < met.size(); ++h)
                        expected[h](met[h], met[h + 1]) += rows(from, to);
                }
            EXPECT_EQ(hop_rows(algorithm, rows, topology), expected) << algorithm << " " << ranks;
        }
    }
}

}  // namespace
}  // namespace epsim
