#include <gtest/gtest.h>

#include <random>

#include "schedule/exchange_schedule.hpp"
#include "schedule/step_schedule.hpp"

namespace epsim {
namespace {

Array<int64_t, 2> random_bytes(int64_t ranks, std::mt19937& random) {
    Array<int64_t, 2> bytes({ranks, ranks});
    for (auto& b : bytes.flat()) b = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 1000);
    return bytes;
}

TEST(AlltoallvSchedule, SendsEveryPairItsBytesOnce) {
    std::mt19937 random(4);
    for (int64_t ranks : {1, 2, 5, 16}) {
        auto const bytes = random_bytes(ranks, random);
        auto const schedule = alltoallv_schedule(bytes);
        ASSERT_EQ(schedule.rounds.size(), 1u);
        Array<int64_t, 2> sent({ranks, ranks});
        for (auto const& message : schedule.rounds[0]) {
            EXPECT_GT(message.bytes, 0);
            sent(index(message.from), index(message.to)) += message.bytes;
        }
        EXPECT_EQ(sent, bytes);
    }
}

TEST(WireBytes, AreSplitByWhatTheyCross) {
    std::mt19937 random(8);
    for (int ranks : {1, 2, 5, 16})
        for (int per_node : {1, 2, 4, 16}) {
            auto const bytes = random_bytes(ranks, random);
            auto const wire =
                wire_bytes(alltoallv_schedule(bytes), ClusterTopology::blocks(ranks, per_node));
            ASSERT_EQ(wire.extent(0), ranks);
            for (int from = 0; from < ranks; ++from) {
                int64_t self = bytes(from, from), node = 0, network = 0;
                for (int to = 0; to < ranks; ++to) {
                    if (to == from) continue;
                    (to / per_node == from / per_node ? node : network) += bytes(from, to);
                }
                EXPECT_EQ(wire(from, static_cast<int>(LinkClass::self)), self);
                EXPECT_EQ(wire(from, static_cast<int>(LinkClass::node)), node);
                EXPECT_EQ(wire(from, static_cast<int>(LinkClass::network)), network);
            }
        }
}

TEST(WireBytes, CountForwardedBytesOnEveryHop) {
    ExchangeSchedule const schedule{{{{RankId{0}, RankId{1}, 10}}, {{RankId{1}, RankId{2}, 10}}}};
    auto const wire = wire_bytes(schedule, ClusterTopology::blocks(4, 2));
    EXPECT_EQ(wire(0, static_cast<int>(LinkClass::node)), 10);
    EXPECT_EQ(wire(1, static_cast<int>(LinkClass::network)), 10);
}

TEST(SequentialStep, IsAChainInThePhasesOrder) {
    auto const schedule = sequential_step();
    ASSERT_EQ(schedule.tasks.size(), 7u);
    for (std::size_t i = 0; i < schedule.tasks.size(); ++i) {
        auto const& task = schedule.tasks[i];
        EXPECT_EQ(task.chunk, 0);
        if (i == 0) {
            EXPECT_EQ(task.phase, Phase::layout);
            EXPECT_TRUE(task.after.empty());
        } else {
            EXPECT_EQ(task.after, std::vector<int>{static_cast<int>(i) - 1});
            EXPECT_LT(schedule.tasks[i - 1].phase, task.phase);
        }
    }
    EXPECT_EQ(schedule.tasks.back().phase, Phase::unpermute);
}

}  // namespace
}  // namespace epsim
