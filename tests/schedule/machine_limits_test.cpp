#include "schedule/machine_limits.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/made_machine.hpp"

namespace epsim {
namespace {

using test::AffineLinks;
using test::ceilings;

Array<int64_t, 2> random_bytes(int64_t ranks, std::mt19937& random, int64_t most = 1 << 22) {
    Array<int64_t, 2> bytes({ranks, ranks});
    for (auto& b : bytes.flat())
        b = random() % 3 == 0 ? 0 : std::uniform_int_distribution<int64_t>(0, most)(random);
    return bytes;
}

Array<int64_t, 2> transposed(Array<int64_t, 2> const& a) {
    Array<int64_t, 2> result({a.extent(1), a.extent(0)});
    for (int64_t i = 0; i < a.extent(0); ++i)
        for (int64_t j = 0; j < a.extent(1); ++j) result(j, i) = a(i, j);
    return result;
}

double or_zero(LowerBound const& bound) {
    return bound.exists() ? bound.seconds : 0;
}

TEST(ExchangeBound, OfTheDesignsCounterexampleIsTwo) {
    // Rank 0 gives 1 to ranks 1 and 2; each of these also takes 3 x 1/3 from three other senders;
    // ports of 1 B/s. The best flow takes 8/3.
    int64_t const unit = 3'000'000'000;
    Array<int64_t, 2> bytes({6, 6});
    for (int to : {1, 2}) {
        bytes(0, to) = unit;
        for (int from : {3, 4, 5}) bytes(from, to) = unit / 3;
    }
    auto const speed = static_cast<double>(unit);
    for (int per_node : {1, 6}) {
        auto const topology = ClusterTopology::blocks(6, per_node);
        MachineLimits const limits(topology, calibrate(AffineLinks(6, 0, speed), topology, {}, {}),
                                   0);
        for (auto const* algorithm : {"alltoallv", "ring"}) {
            auto const bound = limits.exchange(exchange_schedule(algorithm, bytes));
            EXPECT_NEAR(bound.seconds, 2, 1e-9);
            EXPECT_EQ(bound.resource, per_node == 1 ? Resource::network_port : Resource::node_port);
        }
    }
}

TEST(ExchangeBound, OfSharedMemoryIsOfCopiesNotOfMessages) {
    // Ranks 0 and 1 push 1 GB each to rank 2 of their node: two cores copy at once, and slow links
    // do not matter. One pass reads nothing; which end works it does not say.
    Array<int64_t, 2> bytes({3, 3});
    bytes(0, 2) = bytes(1, 2) = 1'000'000'000;
    auto const topology = ClusterTopology::blocks(3, 3);
    MachineLimits const limits(
        topology, calibrate(AffineLinks(3, 1, 1), topology, ceilings(1e9, 1), ceilings(3e9, 1)),
        1e-9);
    EXPECT_NEAR(limits.exchange(exchange_schedule("shm", bytes)).seconds, 2, 1e-6);
    EXPECT_NEAR(limits.exchange(exchange_schedule("direct", bytes)).seconds, 2.0 / 3, 1e-6);
    EXPECT_GT(limits.exchange(exchange_schedule("alltoallv", bytes)).seconds, 1e9);
}

/// Ends of messages that are sent one after the other as soon as the ports that they need are free:
/// the receiver's, over the network also the sender's. Round by round on each rank.
double simulate(ExchangeSchedule const& schedule, AffineLinks const& links,
                ClusterTopology const& topology, std::mt19937& random) {
    auto const ranks = static_cast<std::size_t>(topology.ranks());
    std::vector<double> in(ranks), out(ranks), done(ranks);
    for (auto round : schedule.rounds) {
        std::ranges::shuffle(round, random);
        auto const entered = done;
        for (auto const& message : round) {
            auto const from = static_cast<std::size_t>(index(message.from));
            auto const to = static_cast<std::size_t>(index(message.to));
            if (from == to) continue;
            bool const network = topology.link(message.from, message.to) == LinkClass::network;
            double start = std::max({entered[from], entered[to], in[to]});
            if (network) start = std::max(start, out[from]);
            double const end = start + links.seconds(index(message.from), index(message.to),
                                                     static_cast<double>(message.bytes));
            in[to] = end;
            if (network) out[from] = end;
            done[from] = std::max(done[from], end);
            done[to] = std::max(done[to], end);
        }
    }
    return std::ranges::max(done);
}

TEST(ExchangeBound, IsNeverAboveASimulatedExchange) {
    std::mt19937 random(3);
    int tight = 0;
    for (int trial = 0; trial < 300; ++trial) {
        auto const topology = test::random_topology(random);
        auto const links = AffineLinks::random(topology.ranks(), random);
        MachineLimits const limits(topology, calibrate(links, topology, {}, {}), 0);
        auto const bytes = random_bytes(topology.ranks(), random);
        for (auto const& algorithm : exchange_algorithms()) {
            auto const schedule = exchange_schedule(algorithm, bytes);
            double const bound = or_zero(limits.exchange(schedule));
            double const t = simulate(schedule, links, topology, random);
            EXPECT_LE(bound, t * (1 + 1e-6)) << algorithm;
            tight += bound > 0.5 * t;
        }
    }
    EXPECT_GT(tight, 100) << "a bound of nothing is no bound";
}

/// Every rank's bytes to everybody.
Array<int64_t, 2> to_everybody(std::vector<int64_t> const& bytes) {
    auto const ranks = std::ssize(bytes);
    Array<int64_t, 2> matrix({ranks, ranks});
    for (int64_t from = 0; from < ranks; ++from)
        for (int64_t to = 0; to < ranks; ++to)
            matrix(from, to) = bytes[static_cast<std::size_t>(from)];
    return matrix;
}

/// Each rank hands on to the next what it got in the round before.
ExchangeSchedule ring_of_blocks(std::vector<int64_t> const& bytes) {
    int const ranks = static_cast<int>(bytes.size());
    ExchangeSchedule schedule{ranks, {}};
    for (int round = 0; round + 1 < ranks; ++round) {
        auto& messages = schedule.rounds.emplace_back();
        for (int r = 0; r < ranks; ++r)
            messages.push_back({RankId{r}, RankId{(r + 1) % ranks},
                                bytes[static_cast<std::size_t>((r + ranks - round) % ranks)]});
    }
    return schedule;
}

TEST(ExchangeBound, OfAGatherHoldsHoweverItIsHandedOn) {
    std::mt19937 random(8);
    int tight = 0;
    for (int trial = 0; trial < 300; ++trial) {
        auto const topology = test::random_topology(random);
        auto const links = AffineLinks::random(topology.ranks(), random);
        MachineLimits const limits(topology, calibrate(links, topology, {}, {}), 0);
        std::vector<int64_t> bytes;
        for (int r = 0; r < topology.ranks(); ++r)
            bytes.push_back(random() % 4 == 0 ? 0 : static_cast<int64_t>(random() % (1 << 22)));
        auto const straight = exchange_schedule("allgather", to_everybody(bytes));
        double const bound = or_zero(limits.exchange(straight));
        for (auto const& schedule : {straight, ring_of_blocks(bytes)}) {
            double const t = simulate(schedule, links, topology, random);
            EXPECT_LE(bound, t * (1 + 1e-6));
            tight += bound > 0.2 * t;
        }
    }
    EXPECT_GT(tight, 100);
}

TEST(ExchangeBound, OfAGatherIsOfWhatANodeAndARankNeed) {
    // Two nodes of two ranks, 10 MB each: 30 MB come to a rank over both its ports, 20 MB to a
    // node.
    auto const topology = ClusterTopology::blocks(4, 2);
    auto const schedule = exchange_schedule("allgather", to_everybody(std::vector(4, 10'000'000l)));
    AffineLinks links(4, 1e-6, 1e9);
    auto const bound = [&](Ceilings const& memory, double cache) {
        return MachineLimits(topology, calibrate(links, topology, memory, memory), cache)
            .exchange(schedule);
    };
    EXPECT_NEAR(bound({}, 0).seconds, 1e-6 + 30e6 / 2e9, 1e-9);
    EXPECT_EQ(bound({}, 0).resource, Resource::node_port);
    for (int from : {0, 1})
        for (int to : {2, 3}) links.bandwidth(from, to) = links.bandwidth(to, from) = 1e8;
    EXPECT_NEAR(bound({}, 0).seconds, 1e-6 + 20e6 / 2e8, 1e-9);
    EXPECT_EQ(bound({}, 0).resource, Resource::network_port);
    EXPECT_NEAR(bound(ceilings(1e7, 1), 1e6).seconds, (60e6 - 1e6) / 1e7, 1e-6);
    EXPECT_EQ(bound(ceilings(1e7, 1), 1e6).resource, Resource::node_memory);
}

TEST(ExchangeBound, IsTheLongestOfItsResources) {
    // Brute force on uniform links: the busiest port, or the latency of an empty message.
    std::mt19937 random(4);
    for (int trial = 0; trial < 100; ++trial) {
        auto const topology = test::random_topology(random);
        int const ranks = topology.ranks();
        double const alpha = 3e-6, bandwidth = 2e9;
        MachineLimits const limits(
            topology, calibrate(AffineLinks(ranks, alpha, bandwidth), topology, {}, {}), 0);
        auto const bytes = random_bytes(ranks, random);
        int64_t busiest = 0;
        for (int r = 0; r < ranks; ++r) {
            int64_t inside = 0, in = 0, out = 0;
            for (int peer = 0; peer < ranks; ++peer) {
                if (peer == r) continue;
                if (topology.node_of(RankId{peer}) == topology.node_of(RankId{r})) {
                    inside += bytes(peer, r);
                } else {
                    in += bytes(peer, r);
                    out += bytes(r, peer);
                }
            }
            busiest = std::max({busiest, inside, in, out});
        }
        auto const bound = limits.exchange(alltoallv_schedule(bytes));
        EXPECT_EQ(bound.exists(), ranks > 1);
        if (ranks > 1) {
            double const expected = alpha + static_cast<double>(busiest) / bandwidth;
            EXPECT_NEAR(bound.seconds, expected, 1e-6 * expected);
        }
    }
}

TEST(ExchangeBound, OfOneReceiverIsItsPort) {
    auto const topology = ClusterTopology::blocks(5, 5);
    MachineLimits const limits(topology, calibrate(AffineLinks(5, 1e-6, 1e9), topology, {}, {}), 0);
    Array<int64_t, 2> bytes({5, 5});
    for (int from = 0; from < 5; ++from) bytes(from, 2) = 1'000'000;
    auto const bound = limits.exchange(ring_schedule(bytes));
    EXPECT_NEAR(bound.seconds, 1e-6 + 4e-3, 1e-9);
    EXPECT_EQ(bound.resource, Resource::node_port);
    // The other way round four receivers may copy at the same time.
    EXPECT_NEAR(limits.exchange(ring_schedule(transposed(bytes))).seconds, 1e-6 + 1e-3, 1e-9);
}

TEST(ExchangeBound, OfNothingIsALatencyWhereMessagesAreSent) {
    auto const topology = ClusterTopology::blocks(4, 2);
    AffineLinks links(4, 1e-6, 1e9);
    links.alpha(3, 0) = 9e-6;
    auto const measured = calibrate(links, topology, ceilings(1e10, 1), ceilings(2e10, 1));
    MachineLimits const limits(topology, measured, 1e6);
    Array<int64_t, 2> const nothing({4, 4});
    auto const bound = limits.exchange(alltoallv_schedule(nothing));
    EXPECT_NEAR(bound.seconds, 9e-6, 1e-12);
    EXPECT_EQ(bound.resource, Resource::network_link);
    EXPECT_FALSE(limits.exchange(ring_schedule(nothing)).exists());
    EXPECT_FALSE(
        limits.least_exchange({nothing, Array<int64_t, 2>({4, 2})}, Direction::dispatch).exists());

    auto const alone = ClusterTopology::blocks(1, 1);
    MachineLimits const of_one(
        alone, calibrate(AffineLinks(1, 1e-6, 1e9), alone, ceilings(1e10, 1), ceilings(2e10, 1)),
        1e6);
    EXPECT_FALSE(of_one.exchange(alltoallv_schedule(Array<int64_t, 2>({1, 1}))).exists());
}

TEST(ExchangeBound, OfCopiesIsMemoryBeyondTheCaches) {
    auto const topology = ClusterTopology::blocks(2, 2);
    auto const measured =
        calibrate(AffineLinks(2, 0, 1e15), topology, ceilings(1e10, 1), ceilings(1.5e10, 1));
    Array<int64_t, 2> bytes({2, 2});
    bytes(0, 0) = bytes(1, 1) = 30'000'000;
    auto const with_cache = [&](double cache) {
        return MachineLimits(topology, measured, cache).exchange(ring_schedule(bytes));
    };
    // 20 MB of each rank's 30 MB are read from memory and written there; of the node's 60, 50.
    EXPECT_NEAR(with_cache(1e7).seconds, 1e8 / 1.5e10, 1e-9);
    EXPECT_EQ(with_cache(1e7).resource, Resource::node_memory);
    EXPECT_FALSE(with_cache(1e8).exists()) << "all of it may stay in the caches";
    EXPECT_FALSE(with_cache(0).exists()) << "nobody knows the caches";
    bytes(1, 1) = 0;
    EXPECT_NEAR(with_cache(1e7).seconds, 4e7 / 1e10, 1e-9);
    EXPECT_EQ(with_cache(1e7).resource, Resource::rank_memory);
}

TEST(ExchangeBound, GrowsWithTheBytes) {
    std::mt19937 random(5);
    for (int trial = 0; trial < 100; ++trial) {
        auto const topology = test::random_topology(random);
        auto const links = AffineLinks::random(topology.ranks(), random);
        MachineLimits const limits(
            topology, calibrate(links, topology, ceilings(1e9, 1), ceilings(3e9, 1)), 1e5);
        auto bytes = random_bytes(topology.ranks(), random);
        for (int more = 0; more < 5; ++more) {
            double const before = or_zero(limits.exchange(ring_schedule(bytes)));
            bytes.flat()[random() % bytes.flat().size()] += static_cast<int64_t>(random() % 100000);
            EXPECT_LE(before, or_zero(limits.exchange(ring_schedule(bytes))));
        }
    }
}

/// Rows between ranks of random tokens, and how many were left if none went anywhere twice.
struct RandomTraffic {
    Array<int64_t, 2> bytes, gathered;  // gathered: every token to everybody
    LeastTraffic least;

    RandomTraffic(ClusterTopology const& topology, std::mt19937& random, int64_t row)
        : bytes({topology.ranks(), topology.ranks()}),
          gathered(bytes),
          least{bytes, Array<int64_t, 2>({topology.ranks(), topology.nodes()})} {
        auto const ranks = static_cast<unsigned>(topology.ranks());
        int const favourite = random() % 3 == 0 ? static_cast<int>(random() % ranks) : -1;
        for (unsigned t = 0; t < random() % 200; ++t) {
            auto const from = static_cast<int>(random() % ranks);
            std::vector<int> to, nodes;
            for (int r = 0; r < topology.ranks(); ++r) gathered(from, r) += row;
            for (int choice = 0; choice < 4; ++choice)
                to.push_back(favourite >= 0 && choice < 2 ? favourite
                                                          : static_cast<int>(random() % ranks));
            for (int const r : to) bytes(from, r) += row;
            std::ranges::sort(to);
            to.erase(std::ranges::unique(to).begin(), to.end());
            for (int const r : to) {
                least.rank(from, r) += row;
                nodes.push_back(topology.node_of(RankId{r}));
            }
            std::ranges::sort(nodes);
            nodes.erase(std::ranges::unique(nodes).begin(), nodes.end());
            for (int const n : nodes) least.node(from, n) += row;
        }
    }
};

TEST(LeastBound, IsNeverAboveThatOfAnAlgorithm) {
    std::mt19937 random(6);
    int bounded = 0;
    for (int trial = 0; trial < 500; ++trial) {
        auto const topology = test::random_topology(random);
        auto const links = AffineLinks::random(topology.ranks(), random);
        auto measured = calibrate(links, topology, ceilings(1e10, 1), ceilings(1.5e10, 1));
        for (auto& t : measured.link_seconds.flat())
            if (random() % 10 == 0) t = std::numeric_limits<double>::quiet_NaN();
        MachineLimits const limits(topology, measured, trial % 2 == 0 ? 0 : 1e4);
        RandomTraffic const traffic(topology, random, 1 << (random() % 16));
        for (auto const& algorithm : exchange_algorithms())
            for (auto const direction : {Direction::dispatch, Direction::combine}) {
                auto const least = limits.least_exchange(traffic.least, direction);
                bool const there = direction == Direction::dispatch;
                auto const& sent = algorithm == "allgather" ? traffic.gathered : traffic.bytes;
                auto const bound =
                    limits.exchange(there ? exchange_schedule(algorithm, sent)
                                          : exchange_schedule(return_algorithm(algorithm),
                                                              transposed(traffic.bytes)));
                EXPECT_LE(or_zero(least), or_zero(bound) * (1 + 1e-12)) << algorithm;
                bounded += least.exists();
            }
    }
    EXPECT_GT(bounded, 1000);
}

TEST(LeastBound, CountsEachTokenOnceForANode) {
    // Two nodes of two ranks. Rank 0 has 10 tokens for both ranks of the other node and 4 for its
    // neighbour: a node's ports take 10 at twice a port's rate.
    auto const topology = ClusterTopology::blocks(4, 2);
    MachineLimits const limits(topology, calibrate(AffineLinks(4, 1e-6, 1e9), topology, {}, {}), 0);
    LeastTraffic bytes{Array<int64_t, 2>({4, 4}), Array<int64_t, 2>({4, 2})};
    int64_t const row = 1'000'000;
    bytes.rank(0, 2) = bytes.rank(0, 3) = bytes.node(0, 1) = 10 * row;
    bytes.rank(0, 1) = bytes.node(0, 0) = 4 * row;
    for (auto const direction : {Direction::dispatch, Direction::combine}) {
        auto const bound = limits.least_exchange(bytes, direction);
        EXPECT_NEAR(bound.seconds, 1e-6 + 10e6 / 2e9, 1e-9);
        EXPECT_EQ(bound.resource, Resource::network_port);
    }
    bytes.rank(0, 1) = 12 * row;
    auto const inside = limits.least_exchange(bytes, Direction::dispatch);
    EXPECT_NEAR(inside.seconds, 1e-6 + 10e6 / 2e9, 1e-9) << "ranks of a node may share memory";
    bytes.rank(0, 0) = 1000 * row;
    EXPECT_EQ(limits.least_exchange(bytes, Direction::dispatch).seconds, inside.seconds)
        << "what stays where it is moves nothing";
}

TEST(LeastBound, CountsMemoryOfWhatArrivesAndOfWhatLeaves) {
    auto const topology = ClusterTopology::blocks(4, 2);
    auto const measured =
        calibrate(AffineLinks(4, 0, 1e15), topology, ceilings(1e10, 1), ceilings(1e10, 1));
    MachineLimits const limits(topology, measured, 1e6);
    LeastTraffic bytes{Array<int64_t, 2>({4, 4}), Array<int64_t, 2>({4, 2})};
    bytes.rank(0, 2) = bytes.rank(0, 3) = bytes.node(0, 1) = 10'000'000;
    bytes.rank(0, 1) = 6'000'000;
    // Node 1: 20 MB written (dispatch) or read (combine); node 0: 6 MB at one end.
    for (auto const direction : {Direction::dispatch, Direction::combine})
        EXPECT_NEAR(limits.least_exchange(bytes, direction).seconds, 19e6 / 1e10, 1e-9);
    bytes.rank(0, 1) = 30'000'000;
    for (auto const direction : {Direction::dispatch, Direction::combine})
        EXPECT_NEAR(limits.least_exchange(bytes, direction).seconds, 29e6 / 1e10, 1e-9);
}

TEST(LocalBound, IsTheLongestOfRankAndNodeFlopsAndMemory) {
    auto const topology = ClusterTopology::blocks(4, 2);
    auto const measured = calibrate(AffineLinks(4, 1e-6, 1e9), topology, ceilings(1e10, 1e9),
                                    ceilings(1.2e10, 1.5e9));
    MachineLimits const limits(topology, measured, 1e6);
    std::vector<LocalWork> work(4);
    auto const expect = [&](double seconds, Resource resource, DType type = DType::f32) {
        auto const bound = limits.local(work, type);
        EXPECT_NEAR(bound.seconds, seconds, 1e-9);
        EXPECT_EQ(bound.resource, resource);
    };
    EXPECT_FALSE(limits.local(work, DType::f32).exists());
    work[0].flops = 2e9;
    expect(2, Resource::rank_flops);
    expect(1, Resource::rank_flops, DType::bf16);
    work[1].flops = 1.9e9;  // both share the node's cores
    expect(3.9 / 1.5, Resource::node_flops);
    work[2].read_bytes = 4e10 + 1e6;
    expect(4, Resource::rank_memory);
    work[0].read_bytes = work[1].write_bytes = 3e10 + 1e6;
    expect(5, Resource::node_memory);
    work[2].write_bytes = 2e10;
    expect((6e10 - 1e6) / 1e10, Resource::rank_memory);
}

TEST(LocalBound, LetsANodeDoWhatItsRanksCan) {
    auto const topology = ClusterTopology::blocks(3, 2);  // the third has a node to itself
    auto measured =
        calibrate(AffineLinks(3, 1e-6, 1e9), topology, ceilings(1e10, 1e9), ceilings(5e9, 5e8));
    std::vector<LocalWork> work(3);
    auto const seconds = [&] {
        return MachineLimits(topology, measured, 1).local(work, DType::f32).seconds;
    };
    work[0].flops = work[1].flops = 1e9;
    EXPECT_NEAR(seconds(), 2, 1e-9);
    work = {{}, {}, {4e9, 0, 0}};
    measured.node[1].flops_f32 = 2e9;
    EXPECT_NEAR(seconds(), 2, 1e-9);
}

TEST(LocalBound, TakesTheFastestMemoryTestAndTheFasterProducts) {
    auto const topology = ClusterTopology::blocks(1, 1);
    Calibration measured;
    measured.rank = {{3e9, 2e9, 1e9, 4e9, 5e9, 1e9}};  // a streaming copy moves 8e9 B/s
    measured.node = {{}};                              // not measured
    MachineLimits const limits(topology, measured, 1e3);
    std::vector<LocalWork> work{{0, 8e9 + 1e3, 8e9 + 1e3}};
    EXPECT_NEAR(limits.local(work, DType::bf16).seconds, 2, 1e-9);
    work = {{1e10, 0, 0}};
    EXPECT_NEAR(limits.local(work, DType::bf16).seconds, 2, 1e-9)
        << "a kernel without fast bf16 products may convert";
}

}  // namespace
}  // namespace epsim
