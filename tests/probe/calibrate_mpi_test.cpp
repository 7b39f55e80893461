#include "probe/calibrate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cluster/ceiling_figures.hpp"

namespace epsim {
namespace {

void expect_ceilings(std::vector<Ceilings> const& best, std::vector<Ceilings> const& least,
                     int expected) {
    ASSERT_EQ(std::ssize(best), expected);
    ASSERT_EQ(std::ssize(least), expected);
    for (std::size_t i = 0; i < best.size(); ++i)
        for (auto const& figure : ceiling_figures) {
            EXPECT_TRUE(std::isfinite(best[i].*figure.value)) << figure.name;
            EXPECT_GT(least[i].*figure.value, 0) << figure.name;
            EXPECT_GE(best[i].*figure.value, least[i].*figure.value) << figure.name;
        }
}

TEST(Calibrate, MeasuresEveryRankNodeAndPair) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const topology = ClusterTopology::blocks(comm.size(), 3);  // nodes of unequal size
    auto const c = calibrate({ProbeMode::quick}, comm, topology, 1);
    EXPECT_EQ(c.empty(), !comm.is_root());
    if (!comm.is_root()) return;
    int const n = comm.size();
    expect_ceilings(c.rank, c.rank_least, n);
    expect_ceilings(c.node, c.node_least, topology.nodes());
    for (int r = 0; r < n; ++r)
        for (auto const& figure : ceiling_figures)
            EXPECT_GE(c.node[static_cast<std::size_t>(topology.node_of(RankId{r}))].*figure.value,
                      c.rank[static_cast<std::size_t>(r)].*figure.value);
    ASSERT_GE(c.size.size(), 2u);
    EXPECT_EQ(c.size.front(), 8);
    EXPECT_GE(c.size.back(), 1 << 20);
    EXPECT_EQ(std::ranges::adjacent_find(c.size, std::greater_equal<>()), c.size.end());
    ASSERT_EQ(c.link_seconds.shape(), (std::array<int64_t, 3>{std::ssize(c.size), n, n}));
    for (int64_t z = 0; z < std::ssize(c.size); ++z)
        for (int from = 0; from < n; ++from)
            for (int to = 0; to < n; ++to) {
                EXPECT_GT(c.link_seconds(z, from, to), 0);
                EXPECT_TRUE(std::isfinite(c.link_seconds(z, from, to)));
                EXPECT_EQ(c.link_seconds(z, from, to), c.link_seconds(z, to, from));
            }
}

TEST(Calibrate, SeveralThreadsARank) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const c = calibrate({ProbeMode::quick}, comm, ClusterTopology::blocks(comm.size(), 8), 3);
    if (comm.is_root()) expect_ceilings(c.rank, c.rank_least, comm.size());
}

}  // namespace
}  // namespace epsim
