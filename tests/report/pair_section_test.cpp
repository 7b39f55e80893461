#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "measure/summary.hpp"
#include "report/report.hpp"

namespace epsim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// All pairs alike, ranks of a node in a row.
RunRecord map_of(int ranks, int ranks_per_node) {
    RunRecord record;
    record.tags = {"exchange-only", "pairs"};
    for (int r = 0; r < ranks; ++r) {
        record.topology.push_back({});
        record.topology.back().hostname = "host" + std::to_string(r / ranks_per_node);
        record.topology.back().node = r / ranks_per_node;
    }
    record.size = {8, 4096};
    record.link_seconds = Array<double, 3>({2, ranks, ranks}, 5e-6);
    for (int r = 0; r < ranks; ++r)
        for (int z = 0; z < 2; ++z)
            record.link_seconds(z, r, r) = std::numeric_limits<double>::quiet_NaN();
    return record;
}

void slow_down(RunRecord& record, int64_t rank) {
    for (int64_t r = 0; r < record.link_seconds.extent(1); ++r)
        record.link_seconds(0, r, rank) = record.link_seconds(0, rank, r) *= 9;
}

std::string text_of(RunRecord const& record, int width = 100) {
    return report_text(record, "runs/a.h5", {width, Charset::ascii});
}

TEST(PairSection, FewRanksHaveAMatrixManyTheSlowestPairs) {
    EXPECT_THAT(text_of(map_of(8, 8)), HasSubstr("latency, us"));
    EXPECT_THAT(text_of(map_of(8, 8)), Not(HasSubstr("slowest pairs")));
    auto many = map_of(9, 3);
    many.link_seconds(1, 7, 2) = 1e-3;
    EXPECT_THAT(text_of(many),
                HasSubstr("\nranks 2, 7       200.000  5.000 us  819.2 MB/s  4.096 MB/s\n"));
    EXPECT_THAT(text_of(many), HasSubstr("the link of ranks 2 and 7 is slow: 200.000 x"));
    EXPECT_THAT(text_of(many), Not(HasSubstr("latency, us")));
}

TEST(PairSection, SaysWhoIsSlowOrThatNobodyIs) {
    EXPECT_THAT(text_of(map_of(4, 2)), HasSubstr("verdict      nothing unusual\n"));
    EXPECT_THAT(text_of(map_of(2, 2)), HasSubstr("verdict      none: one pair"));
    auto sick = map_of(6, 3);
    slow_down(sick, 4);
    EXPECT_THAT(text_of(sick), HasSubstr("verdict      rank 4 (host1, node 1) is slow: 5 of its 5 "
                                         "pairs, 9.000 x the typical time\n"));
}

TEST(PairSection, ListsAreCutAndLinesFit) {
    auto record = map_of(60, 60);
    for (int64_t r = 0; r < 20; ++r) slow_down(record, r * 3);
    auto const text = text_of(record, 80);
    EXPECT_THAT(text, HasSubstr("and 4 more\n"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_EQ(summary_value(summarise(record), "sick_ranks"), 20);
}

}  // namespace
}  // namespace epsim
