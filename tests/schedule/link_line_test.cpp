#include "schedule/link_line.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/made_machine.hpp"

namespace epsim {
namespace {

using test::AffineLinks;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(LinkLine, IsFoundWhereLinksAreOne) {
    std::mt19937 random(1);
    for (int trial = 0; trial < 20; ++trial) {
        auto const topology = test::random_topology(random);
        auto const links = AffineLinks::random(topology.ranks(), random);
        auto const lines = link_lines(calibrate(links, topology, {}, {}), topology);
        for (int from = 0; from < topology.ranks(); ++from)
            for (int to = 0; to < topology.ranks(); ++to) {
                auto const& line = lines(from, to);
                if (from == to) {
                    EXPECT_TRUE(std::isnan(line.alpha)) << "a copy is no message";
                    continue;
                }
                EXPECT_NEAR(line.alpha, links.alpha(from, to), 1e-6 * line.alpha);
                EXPECT_NEAR(line.bandwidth, links.bandwidth(from, to), 1e-6 * line.bandwidth);
            }
    }
}

TEST(LinkLine, IsNeverAboveWhatWasMeasuredButForNoise) {
    std::mt19937 random(2);
    for (int trial = 0; trial < 200; ++trial) {
        auto const topology = ClusterTopology::blocks(2, 2);
        Calibration measured;
        std::uniform_real_distribution<double> factor(0.7, 1.5);
        for (int64_t z = 8; z < 1 << 24; z *= 8) measured.size.push_back(z);
        auto const sizes = std::ssize(measured.size);
        measured.link_seconds = Array<double, 3>({sizes, 2, 2}, nan);
        for (int64_t z = 0; z < sizes; ++z)
            measured.link_seconds(z, 0, 1) =
                factor(random) *
                (1e-6 + static_cast<double>(measured.size[static_cast<std::size_t>(z)]) / 5e9);
        double const first = measured.link_seconds(0, 0, 1);
        auto const line = link_lines(measured, topology)(0, 1);
        for (int64_t z = 0; z < sizes; ++z) {
            double const t = measured.link_seconds(z, 0, 1);
            auto const bytes = static_cast<double>(measured.size[static_cast<std::size_t>(z)]);
            if (z == 0 || t >= 2 * first) {
                EXPECT_LE(line.seconds(bytes), t * (1 + 1e-12)) << bytes;
            }
        }
        EXPECT_LT(line.bandwidth, 5e9 / 0.5) << "differences of latencies are no bandwidth";
    }
}

TEST(LinkLine, OfAnUnmeasuredPairIsTheBestOfItsClass) {
    auto const topology = ClusterTopology::blocks(5, 3);
    AffineLinks links(5, 2e-6, 1e9);
    links.alpha(1, 0) = 1e-6;
    links.bandwidth(1, 2) = 3e9;
    auto measured = calibrate(links, topology, {}, {});
    for (int64_t z = 0; z < measured.link_seconds.extent(0); ++z) {
        measured.link_seconds(z, 0, 2) = nan;
        for (int from = 0; from < 3; ++from)
            for (int to = 3; to < 5; ++to)
                measured.link_seconds(z, from, to) = measured.link_seconds(z, to, from) = nan;
    }
    auto const lines = link_lines(measured, topology);
    EXPECT_NEAR(lines(0, 2).alpha, 1e-6, 1e-11);
    EXPECT_NEAR(lines(0, 2).bandwidth, 3e9, 1);
    EXPECT_TRUE(std::isnan(lines(0, 4).seconds(1))) << "no link between nodes was measured";
}

TEST(LinkLine, OfOneSizeIsItsLatency) {
    auto const topology = ClusterTopology::blocks(2, 2);
    Calibration measured;
    measured.size = {8};
    measured.link_seconds = Array<double, 3>({1, 2, 2}, 1e-6);
    EXPECT_EQ(link_lines(measured, topology)(0, 1).seconds(1e9), 1e-6);
}

}  // namespace
}  // namespace epsim
