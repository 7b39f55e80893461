#include <gtest/gtest.h>

#include <map>
#include <random>

#include "schedule/bruck_schedule.hpp"

namespace epsim {
namespace {

/// Ranks that hand on labelled blocks, as the algorithms are described in words: what is sent in
/// each round, by pair. No code of the schedules.
struct Simulation {
    struct Block {
        int source, destination;
        int64_t bytes;
    };
    using Round = std::map<std::pair<int, int>, int64_t>;  // (from, to) -> bytes

    explicit Simulation(Array<int64_t, 2> const& bytes)
        : ranks(static_cast<int>(bytes.extent(0))), held(static_cast<std::size_t>(ranks)) {
        for (int s = 0; s < ranks; ++s)
            for (int d = 0; d < ranks; ++d)
                held[static_cast<std::size_t>(s)].push_back({s, d, bytes(s, d)});
    }
    /// Every rank looks at each of its blocks: next(holder, block) is where it goes now.
    template <class Next>
    Round round(Next&& next, bool with_counts) {
        Round sent;
        auto after = std::vector<std::vector<Block>>(held.size());
        for (int p = 0; p < ranks; ++p)
            for (auto const& block : held[static_cast<std::size_t>(p)]) {
                int const to = next(p, block);
                after[static_cast<std::size_t>(to)].push_back(block);
                if (to == p) continue;
                // A count travels with a block that has not arrived.
                sent[{p, to}] += block.bytes + (with_counts && to != block.destination ? 4 : 0);
                hops[{block.source, block.destination}] += 1;
            }
        held = std::move(after);
        std::erase_if(sent, [](auto const& message) { return message.second == 0; });
        return sent;
    }
    bool all_arrived() const {
        for (int p = 0; p < ranks; ++p) {
            if (std::ssize(held[static_cast<std::size_t>(p)]) != ranks) return false;
            for (auto const& block : held[static_cast<std::size_t>(p)])
                if (block.destination != p) return false;
        }
        return true;
    }

    int ranks;
    std::vector<std::vector<Block>> held;
    std::map<std::pair<int, int>, int> hops;
};

Simulation::Round messages(std::vector<Message> const& round) {
    Simulation::Round sent;
    for (auto const& m : round) {
        EXPECT_GT(m.bytes, 0);
        if (m.from == m.to) continue;
        auto const [_, is_new] = sent.insert({{index(m.from), index(m.to)}, m.bytes});
        EXPECT_TRUE(is_new) << "one message a pair and round";
    }
    return sent;
}

Array<int64_t, 2> random_traffic(int ranks, std::mt19937& random) {
    Array<int64_t, 2> bytes({ranks, ranks});
    auto const kind = random() % 4;  // random with holes; nothing; one rank gets all; one pair
    for (int s = 0; s < ranks; ++s)
        for (int d = 0; d < ranks; ++d)
            if (kind == 0 || (kind == 2 && d == ranks / 2))
                bytes(s, d) = random() % 3 ? static_cast<int64_t>(random() % 5000) : 0;
    if (kind == 3) bytes(0, ranks - 1) = 77;
    return bytes;
}

int64_t own_bytes(ExchangeSchedule const& schedule, int rank) {
    int64_t sum = 0;
    for (auto const& round : schedule.rounds)
        for (auto const& m : round)
            if (index(m.from) == rank && m.to == m.from) sum += m.bytes;
    return sum;
}

class MovedBlocks : public testing::TestWithParam<int> {};

TEST_P(MovedBlocks, OfBruckAreThoseOfItsSchedule) {
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    for (int trial = 0; trial < 20; ++trial) {
        auto const bytes = random_traffic(GetParam(), random);
        auto const schedule = exchange_schedule("bruck", bytes);
        Simulation world(bytes);
        int most_hops = 1;
        std::size_t round = 0;
        for (int step = 1; step < world.ranks; step *= 2, ++round) {
            auto const next = [&](int p, Simulation::Block const& block) {
                int const left = (block.destination - p + world.ranks) % world.ranks;
                return left / step % 2 ? (p + step) % world.ranks : p;
            };
            auto const sent = world.round(next, true);
            ASSERT_LT(round, schedule.rounds.size());
            ASSERT_EQ(messages(schedule.rounds[round]), sent) << "round " << round;
        }
        ASSERT_TRUE(world.all_arrived());
        EXPECT_EQ(schedule.rounds.size(), std::max<std::size_t>(round, 1));
        for (auto const& [_, hops] : world.hops) most_hops = std::max(most_hops, hops);
        EXPECT_EQ(schedule.hops, most_hops);
        for (int r = 0; r < world.ranks; ++r) EXPECT_EQ(own_bytes(schedule, r), bytes(r, r));
    }
}

TEST_P(MovedBlocks, OfPairwiseGoStraightAndNothingElseDoes) {
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    for (int trial = 0; trial < 20; ++trial)
        for (auto const* algorithm : {"pairwise", "persistent"}) {
            auto const bytes = random_traffic(GetParam(), random);
            auto const schedule = exchange_schedule(algorithm, bytes);
            Simulation world(bytes);
            auto const sent =
                world.round([](int, auto const& block) { return block.destination; }, false);
            ASSERT_EQ(schedule.rounds.size(), 1u);
            EXPECT_EQ(messages(schedule.rounds[0]), sent);
            EXPECT_EQ(schedule.hops, 1);
            for (int r = 0; r < world.ranks; ++r) EXPECT_EQ(own_bytes(schedule, r), bytes(r, r));
            // Nobody waits for a rank with which it exchanges nothing.
            auto const needs = dependencies(schedule);
            for (int r = 0; r < world.ranks; ++r)
                for (int other = 0; other < world.ranks; ++other)
                    EXPECT_EQ(needs(r, other) != 0,
                              r == other || bytes(r, other) > 0 || bytes(other, r) > 0);
        }
}

TEST_P(MovedBlocks, OfTheCountsPhaseAreACountAPairAndTheEntries) {
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    auto const topology = ClusterTopology::blocks(GetParam(), 2);
    auto const sum = [](Array<int64_t, 2> const& a) {
        int64_t all = 0;
        for (auto const n : a.flat()) all += n;
        return all;
    };
    for (auto const& algorithm : exchange_algorithms()) {
        auto const entries = random_traffic(GetParam(), random);
        Array<int64_t, 2> const counts({GetParam(), GetParam()}, 4);
        auto const schedule = counts_schedule(algorithm, {&counts, 1}, {&entries, 1});
        auto const wire = sum(wire_bytes(schedule, topology));
        auto const rows = sum(wire_bytes(exchange_schedule(algorithm, entries), topology));
        EXPECT_EQ(wire, rows + int64_t{4} * GetParam() * GetParam()) << algorithm;
        EXPECT_EQ(dependencies(schedule), (Array<uint8_t, 2>({GetParam(), GetParam()}, 1)));
    }
}

INSTANTIATE_TEST_SUITE_P(Ranks, MovedBlocks,
                         testing::Values(1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 17, 31));

}  // namespace
}  // namespace epsim
