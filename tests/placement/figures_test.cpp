#include "placement/figures.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "placement/random_problem.hpp"

namespace epsim {
namespace {

double sum(std::span<double const> values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(LayerLoads, SplitsSumToTheLoad) {
    std::mt19937 random(8);
    for (int trial = 0; trial < 60; ++trial) {
        auto const problem = test::random_problem(random);
        auto const placement = make_placement(Strategy::eplb, problem);
        for (auto const choice : {ReplicaChoice::round_robin, ReplicaChoice::nearest}) {
            auto const loads = layer_loads(placement, LayerId{0}, problem.source_load[0],
                                           problem.topology, choice);
            double const all = sum(problem.load.flat().first(loads.expert.size()));
            for (auto const* part : {&loads.expert, &loads.rank, &loads.node})
                EXPECT_NEAR(sum(*part), all, 1e-9 * all);
            EXPECT_LE(loads.off_node, loads.off_rank * (1 + 1e-12));
            if (choice == ReplicaChoice::nearest) continue;
            EXPECT_NEAR(std::ranges::max(loads.rank), test::heaviest(placement, 0, problem),
                        1e-9 * all);
        }
    }
}

/// Two experts on two nodes of one rank each; expert 0 on both.
TEST(LayerLoads, NearestStaysAtHome) {
    Placement const placement(0, 2, {0, 1, 3}, {{ExpertId{0}, ExpertId{1}, ExpertId{0}}});
    Array<double, 2> sources({2, 2});
    sources(0, 0) = 6, sources(0, 1) = 1, sources(1, 0) = 2, sources(1, 1) = 4;
    auto const topology = ClusterTopology::blocks(2, 1);
    auto const near = layer_loads(placement, LayerId{0}, sources, topology, ReplicaChoice::nearest);
    EXPECT_EQ(near.rank, (std::vector<double>{6, 7}));
    EXPECT_EQ(near.off_node, 1);
    auto const even =
        layer_loads(placement, LayerId{0}, sources, topology, ReplicaChoice::round_robin);
    EXPECT_EQ(even.rank, (std::vector<double>{4, 9}));
    EXPECT_EQ(even.off_node, 3 + 1 + 1);
    auto const figures = figures_of(std::vector{near, even});
    EXPECT_DOUBLE_EQ(figures.rank, (7.0 + 9.0) / (6.5 + 6.5));
    EXPECT_DOUBLE_EQ(figures.expert, (8.0 + 8.0) / (6.5 + 6.5));
    EXPECT_DOUBLE_EQ(figures.off_rank, 6);
    EXPECT_DOUBLE_EQ(figures.assignments, 26);
}

}  // namespace
}  // namespace epsim
