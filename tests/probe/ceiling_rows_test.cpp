#include "probe/ceiling_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "cluster/ceiling_figures.hpp"

namespace epsim {
namespace {

/// Two nodes of two ranks; figure f of rank r is 100 f + r, that of node n 1000 f + n.
Calibration known_calibration() {
    Calibration c;
    c.rank.resize(4), c.rank_least.resize(4), c.node.resize(2), c.node_least.resize(2);
    c.rank_repetitions = 3, c.node_repetitions = 5;
    for (std::size_t f = 0; f < ceiling_figures.size(); ++f) {
        auto const value = ceiling_figures[f].value;
        for (std::size_t r = 0; r < 4; ++r) {
            c.rank[r].*value = 100.0 * static_cast<double>(f) + static_cast<double>(r);
            c.rank_least[r].*value = c.rank[r].*value - 0.5;
        }
        for (std::size_t n = 0; n < 2; ++n) {
            c.node[n].*value = 1000.0 * static_cast<double>(f) + static_cast<double>(n);
            c.node_least[n].*value = c.node[n].*value - 7;
        }
    }
    c.size = {8, 1000};
    c.link_seconds = Array<double, 3>({2, 4, 4}, std::numeric_limits<double>::quiet_NaN());
    for (int64_t r = 0; r < 4; ++r) c.link_seconds(0, r, r) = 1e-9 * static_cast<double>(1 + r);
    for (int64_t r = 0; r < 4; ++r) c.link_seconds(1, r, r) = 1e-6;
    c.link_seconds(0, 0, 1) = c.link_seconds(0, 1, 0) = 2e-6;
    c.link_seconds(1, 0, 1) = c.link_seconds(1, 1, 0) = 4e-6;
    c.link_seconds(0, 2, 3) = c.link_seconds(0, 3, 2) = 3e-6;
    c.link_seconds(1, 2, 3) = c.link_seconds(1, 3, 2) = 5e-6;
    c.link_seconds(0, 0, 3) = c.link_seconds(0, 3, 0) = 1e-3;  // the other three are not measured
    c.link_seconds(1, 0, 3) = c.link_seconds(1, 3, 0) = 2e-3;
    return c;
}

SummaryRow row_of(std::vector<SummaryRow> const& rows, std::string const& metric) {
    auto const row = std::ranges::find(rows, metric, &SummaryRow::metric);
    if (row == rows.end()) throw std::runtime_error("no row " + metric);
    return *row;
}

void expect_row(SummaryRow const& row, double value, double low, double high, int64_t n,
                std::string const& unit) {
    EXPECT_DOUBLE_EQ(row.value, value) << row.metric;
    EXPECT_DOUBLE_EQ(row.ci_low, low) << row.metric;
    EXPECT_DOUBLE_EQ(row.ci_high, high) << row.metric;
    EXPECT_EQ(row.n, n) << row.metric;
    EXPECT_EQ(row.unit, unit) << row.metric;
    EXPECT_FALSE(row.description.empty());
}

TEST(CeilingRows, MediansAndRangesOfRanksAndNodes) {
    auto const rows = ceiling_rows(known_calibration(), ClusterTopology::blocks(4, 2));
    expect_row(row_of(rows, "read_bandwidth_rank"), 1.5, -0.5, 3, 12, "B/s");
    expect_row(row_of(rows, "flops_bf16_rank"), 501.5, 499.5, 503, 12, "FLOP/s");
    expect_row(row_of(rows, "write_bandwidth_node"), 1000.5, 993, 1001, 10, "B/s");
    expect_row(row_of(rows, "stream_copy_bandwidth_node"), 3000.5, 2993, 3001, 10, "B/s");
}

TEST(CeilingRows, LinksOfEachClassByTheirSmallestAndLargestMessage) {
    auto const rows = ceiling_rows(known_calibration(), ClusterTopology::blocks(4, 2));
    expect_row(row_of(rows, "latency_self"), 2.5e-9, 1e-9, 4e-9, 4, "s");
    expect_row(row_of(rows, "bandwidth_self"), 1e9, 1e9, 1e9, 4, "B/s");
    expect_row(row_of(rows, "latency_node"), 2.5e-6, 2e-6, 3e-6, 2, "s");
    expect_row(row_of(rows, "bandwidth_node"), 225e6, 200e6, 250e6, 2, "B/s");
    expect_row(row_of(rows, "latency_network"), 1e-3, 1e-3, 1e-3, 1, "s");
    EXPECT_EQ(std::ssize(rows), 12 + 6);
}

TEST(CeilingRows, NoneOfALinkClassThatWasNotMeasuredAndNoneOfNothing) {
    auto const rows = ceiling_rows(known_calibration(), ClusterTopology::blocks(4, 4));
    EXPECT_EQ(std::ranges::count(rows, "latency_network", &SummaryRow::metric), 0);
    EXPECT_EQ(row_of(rows, "latency_node").n, 3);
    EXPECT_TRUE(ceiling_rows({}, ClusterTopology::blocks(4, 4)).empty());
}

}  // namespace
}  // namespace epsim
