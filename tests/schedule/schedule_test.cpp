#include <gtest/gtest.h>

#include <fmt/format.h>

#include <functional>
#include <map>
#include <random>
#include <string>
#include <tuple>

#include "core/error.hpp"
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
        EXPECT_EQ(std::ssize(schedule.rounds[0]), ranks * ranks);
        for (auto const& message : schedule.rounds[0]) {
            sent(index(message.from), index(message.to)) += message.bytes;
        }
        EXPECT_EQ(sent, bytes);
    }
}

TEST(RingSchedule, SendsEveryPairItsBytesOnceAndEachRankOneMessageARound) {
    std::mt19937 random(5);
    for (int64_t ranks : {1, 2, 5, 16}) {
        auto const bytes = random_bytes(ranks, random);
        auto const schedule = ring_schedule(bytes);
        ASSERT_EQ(std::ssize(schedule.rounds), ranks);
        Array<int64_t, 2> sent({ranks, ranks});
        for (int64_t i = 0; i < ranks; ++i)
            for (auto const& message : schedule.rounds[static_cast<std::size_t>(i)]) {
                EXPECT_GT(message.bytes, 0);
                EXPECT_EQ((index(message.from) + i) % ranks, index(message.to));
                sent(index(message.from), index(message.to)) += message.bytes;
            }
        EXPECT_EQ(sent, bytes);
    }
}

TEST(ExchangeSchedule, OfSharedMemorySendsWhatThereIsInOneRound) {
    std::mt19937 random(7);
    for (int64_t ranks : {1, 2, 5, 16}) {
        auto const bytes = random_bytes(ranks, random);
        for (auto const* algorithm : {"shm", "direct"}) {
            auto const schedule = exchange_schedule(algorithm, bytes);
            ASSERT_EQ(schedule.rounds.size(), 1u);
            Array<int64_t, 2> sent({ranks, ranks});
            for (auto const& message : schedule.rounds[0]) {
                EXPECT_GT(message.bytes, 0);
                sent(index(message.from), index(message.to)) += message.bytes;
            }
            EXPECT_EQ(sent, bytes);
        }
    }
}

TEST(Dependencies, OfPairsTieOnlyThoseWithBytes) {
    std::mt19937 random(9);
    for (int64_t ranks : {1, 2, 5, 16}) {
        auto const bytes = random_bytes(ranks, random);
        auto const needs = dependencies(exchange_schedule("shm", bytes));
        for (int64_t r = 0; r < ranks; ++r)
            for (int64_t other = 0; other < ranks; ++other)
                EXPECT_EQ(needs(r, other) != 0,
                          r == other || bytes(r, other) > 0 || bytes(other, r) > 0);
    }
}

TEST(Dependencies, OfAlltoallvTieAllRanksTogether) {
    Array<int64_t, 2> const nothing({5, 5});
    EXPECT_EQ(dependencies(alltoallv_schedule(nothing)), (Array<uint8_t, 2>({5, 5}, 1)));
}

TEST(Dependencies, OfARingReachThroughEarlierRoundsOnly) {
    // 0 and 1 talk in the first round after the own one, 1 and 3 in the second, 2 with nobody.
    Array<int64_t, 2> bytes({4, 4});
    bytes(0, 1) = bytes(1, 3) = bytes(2, 2) = 9;
    auto const needs = dependencies(ring_schedule(bytes));
    auto const row = [&](int64_t r) {
        std::vector<int> set;
        for (int64_t other = 0; other < 4; ++other)
            if (needs(r, other)) set.push_back(static_cast<int>(other));
        return set;
    };
    EXPECT_EQ(row(0), (std::vector<int>{0, 1}));  // was done before 1 met 3
    EXPECT_EQ(row(1), (std::vector<int>{0, 1, 3}));
    EXPECT_EQ(row(2), (std::vector<int>{2}));
    EXPECT_EQ(row(3), (std::vector<int>{0, 1, 3}));  // 1 had to wait for 0 before
}

TEST(Dependencies, AreThoseOfASearchOverTheRounds) {
    // Brute force: r waits for o if a chain of messages leads from r back to o through rounds that
    // do not grow.
    std::mt19937 random(6);
    for (int trial = 0; trial < 50; ++trial) {
        int const ranks = 1 + static_cast<int>(random() % 6);
        Array<int64_t, 2> bytes({ranks, ranks});
        for (auto& b : bytes.flat()) b = random() % 4 == 0;
        auto const schedule = ring_schedule(bytes);
        auto const needs = dependencies(schedule);
        std::function<bool(int, int, int)> waits_for = [&](int r, int other, int before) {
            if (r == other) return true;
            for (int i = before - 1; i >= 0; --i)
                for (auto const& m : schedule.rounds[static_cast<std::size_t>(i)]) {
                    int const from = index(m.from), to = index(m.to);
                    if ((from == r && waits_for(to, other, i)) ||
                        (to == r && waits_for(from, other, i)))
                        return true;
                }
            return false;
        };
        for (int r = 0; r < ranks; ++r)
            for (int other = 0; other < ranks; ++other)
                ASSERT_EQ(needs(r, other) != 0, waits_for(r, other, ranks)) << r << " " << other;
    }
}

TEST(ExchangeSchedule, AnUnknownAlgorithmIsRefused) {
    EXPECT_THROW(exchange_schedule("teleport", Array<int64_t, 2>({2, 2})), InputError);
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
    ExchangeSchedule const schedule{3,
                                    {{{RankId{0}, RankId{1}, 10}}, {{RankId{1}, RankId{2}, 10}}}};
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

TEST(SequentialStep, OfOnePassHasNoPermuteOfItsOwn) {
    std::vector<Phase> phases;
    for (auto const& task : sequential_step(1, true).tasks) phases.push_back(task.phase);
    EXPECT_EQ(phases, (std::vector{Phase::layout, Phase::counts, Phase::dispatch, Phase::expert,
                                   Phase::combine}));
}

/// Every phase of every layer and chunk stands in the schedule once, after the chunk's phase before
/// (of the layer before, for the first), and after nothing else.
void expect_chains(StepSchedule const& schedule, int layers, int chunks) {
    std::vector<Phase> const phases{Phase::layout, Phase::counts,  Phase::permute,  Phase::dispatch,
                                    Phase::expert, Phase::combine, Phase::unpermute};
    std::map<std::tuple<int, int, Phase>, int> at;  // layer, chunk, phase
    for (std::size_t i = 0; i < schedule.tasks.size(); ++i) {
        auto const& task = schedule.tasks[i];
        EXPECT_TRUE(
            at.try_emplace({task.layer, task.chunk, task.phase}, static_cast<int>(i)).second);
        for (int const before : task.after) EXPECT_LT(before, static_cast<int>(i));
    }
    EXPECT_EQ(std::ssize(at), layers * chunks * std::ssize(phases));
    for (int c = 0; c < chunks; ++c) {
        std::vector<int> before;
        for (int l = 0; l < layers; ++l)
            for (Phase const phase : phases) {
                auto const found = at.find({l, c, phase});
                ASSERT_NE(found, at.end());
                EXPECT_EQ(schedule.tasks[static_cast<std::size_t>(found->second)].after, before);
                before = {found->second};
            }
    }
}

/// The worker's tasks of two phases, in the order in which it does them: "d0 d1 c0".
std::string order_of(StepSchedule const& schedule, std::map<Phase, char> const& letters) {
    std::string text;
    for (auto const& task : schedule.tasks)
        if (auto const letter = letters.find(task.phase); letter != letters.end())
            text += fmt::format("{}{}{}", text.empty() ? "" : " ", letter->second, task.chunk);
    return text;
}

TEST(SequentialStep, DoesChunkAfterChunk) {
    for (int const chunks : {2, 5}) {
        auto const schedule = sequential_step(chunks);
        ASSERT_EQ(std::ssize(schedule.tasks), 7 * chunks);
        for (int i = 0; i < 7 * chunks; ++i) {
            auto const& task = schedule.tasks[static_cast<std::size_t>(i)];
            EXPECT_EQ(task.chunk, i / 7);
            EXPECT_EQ(task.after, i == 0 ? std::vector<int>{} : std::vector<int>{i - 1});
        }
    }
}

TEST(PipelinedStep, HasEveryPhaseOfEveryChunkOnceAfterTheOneBefore) {
    for (int const chunks : {1, 2, 3, 7, 64}) expect_chains(pipelined_step(chunks), 1, chunks);
}

TEST(PipelinedStep, CommunicatesNeighboursBesideTheExpertsOfAChunk) {
    auto const schedule = pipelined_step(4);
    EXPECT_EQ(order_of(schedule, {{Phase::dispatch, 'd'}, {Phase::combine, 'c'}}),
              "d0 d1 c0 d2 c1 d3 c2 c3");
    EXPECT_EQ(order_of(schedule, {{Phase::permute, 'p'}, {Phase::expert, 'e'}}),
              "p0 p1 e0 p2 e1 p3 e2 e3");
    EXPECT_EQ(order_of(schedule, {{Phase::counts, 'n'}, {Phase::dispatch, 'd'}}),
              "n0 n1 d0 n2 d1 n3 d2 d3");
}

TEST(MicroBatchedStep, CrossesLayersWithoutAJoin) {
    for (int const layers : {1, 2, 5})
        for (int const batches : {1, 2})
            expect_chains(micro_batched_step(layers, batches), layers, batches);
    EXPECT_TRUE(micro_batched_step(0, 2).tasks.empty());
    auto const schedule = micro_batched_step(2, 2);
    EXPECT_EQ(order_of(schedule, {{Phase::dispatch, 'd'}, {Phase::combine, 'c'}}),
              "d0 d1 c0 c1 d0 d1 c0 c1");
    EXPECT_EQ(order_of(schedule, {{Phase::unpermute, 'u'}, {Phase::permute, 'p'}}),
              "p0 p1 u0 p0 u1 p1 u0 u1");
}

/// Whether `task` comes after `first`, directly or through others.
bool follows(StepSchedule const& schedule, int task, int first) {
    auto const& after = schedule.tasks[static_cast<std::size_t>(task)].after;
    return std::ranges::any_of(
        after, [&](int before) { return before == first || follows(schedule, before, first); });
}

TEST(GatedStep, RoutesEveryTokenOfALayerBeforeAnythingElseOfIt) {
    for (auto const& [schedule, layers] : {std::pair{sequential_step(3, false, true), 1},
                                           {pipelined_step(4, false, true), 1},
                                           {micro_batched_step(3, 2, false, true), 3}}) {
        auto const n = static_cast<int>(schedule.tasks.size());
        for (int gate = 0; gate < n; ++gate) {
            EXPECT_EQ(schedule.tasks[static_cast<std::size_t>(gate)].phase == Phase::gate,
                      gate < layers);
            for (int task = layers; gate < layers && task < n; ++task)
                EXPECT_TRUE(follows(schedule, task, gate)) << task;
        }
    }
}

}  // namespace
}  // namespace epsim
