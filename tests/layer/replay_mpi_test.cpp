#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <tuple>

#include "comm/mpi_session.hpp"
#include "layer/replay_fixture.hpp"
#include "measure/statistics.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim::test {
namespace {

/// A communicator of this rank alone: what the same replay gives on one rank.
Communicator alone() {
    return Communicator::duplicate(MPI_COMM_SELF);
}

class ReplayShapes : public testing::TestWithParam<int> {};

TEST_P(ReplayShapes, CountsLoadAndBytesAndGivesTheSameBitsOnAnyNumberOfRanks) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    auto const pick = [&](int low, int high) {
        return std::uniform_int_distribution(low, high)(random);
    };
    int const experts = pick(1, 13), top_k = pick(1, std::min(experts, 4)), layers = pick(1, 3);
    ExpertId const favourite = GetParam() % 3 == 0 ? ExpertId{experts - 1} : no_expert;
    MemorySource const source(random, {pick(0, 40), 1, 29}, layers, experts, top_k, favourite);
    auto spec = small_spec(source, DType::f32);
    spec.distinct_weights = GetParam() % 2 == 0;
    if (GetParam() % 4 == 1) {
        spec.shape.shared_experts = 2;
        spec.shape.shared_intermediate = 5;
        spec.shape.shared_gated = true;
    }
    if (GetParam() % 4 == 2) spec.shape.dense_residual_intermediate = 7;
    if (GetParam() % 4 == 3) spec.shape.weight_at = WeightAt::input;

    auto const self = alone();
    auto const single = SmallReplay(spec, source, self).run();
    auto const record = SmallReplay(spec, source, comm).run();
    if (!comm.is_root()) return;

    EXPECT_EQ(record.output_checksum, single.output_checksum);
    EXPECT_EQ(record.expert_tokens, single.expert_tokens);
    EXPECT_EQ(record.wrong, 0);
    EXPECT_LE(record.max_error, 1.0);
    EXPECT_EQ(record.checked, source.info().tokens() * layers);

    // A brute-force count: where contiguous tokens start and linear experts live.
    int const ranks = comm.size();
    Array<int64_t, 3> load({3, layers, experts});
    Array<int64_t, 4> rows({layers, 2, ranks, ranks});
    for (int s = 0; s < 3; ++s)
        for (int l = 0; l < layers; ++l) {
            auto const& batch = source.batch(s, l);
            int64_t const n = batch.tokens();
            for (int64_t a = 0; a < n * top_k; ++a) {
                int64_t const e = index(batch.expert[static_cast<std::size_t>(a)]);
                if (e < 0) continue;
                ++load(s, l, e);
                int64_t const from = a / top_k * ranks / n, to = e * ranks / experts;
                ++rows(l, 0, from, to);
                ++rows(l, 1, to, from);
            }
        }
    EXPECT_EQ(record.expert_tokens, load);
    for (int64_t l = 0; l < layers; ++l)
        for (int64_t from = 0; from < ranks; ++from)
            for (int64_t to = 0; to < ranks; ++to) {
                EXPECT_EQ(record.selected(l, 0, from, to), rows(l, 0, from, to) * 24 * 4);
                EXPECT_EQ(record.selected(l, 1, from, to), rows(l, 1, from, to) * 24 * 4);
                EXPECT_EQ(record.payload(l, 0, from, to), record.selected(l, 0, from, to));
                EXPECT_EQ(record.metadata(l, 0, from, to), 3 * 4 + 8 * rows(l, 0, from, to));
                EXPECT_EQ(record.padding(l, 0, from, to), 0);
            }
}

INSTANTIATE_TEST_SUITE_P(Random, ReplayShapes, testing::Range(0, 12));

TEST(Replay, TimesEveryPhaseInOrderWithinTheIteration) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(1);
    MemorySource const source(random, {64, 32}, 2, 8, 2);
    auto const record = SmallReplay(small_spec(source, DType::bf16), source, comm).run();
    if (!comm.is_root()) return;
    ASSERT_EQ(record.is_warmup, (std::vector<uint8_t>{1, 1, 0, 0, 0, 0}));
    ASSERT_EQ(record.step_of, (std::vector<int32_t>{0, 1, 0, 1, 0, 1}));
    EXPECT_EQ(record.layer, (std::vector<int32_t>{3, 5}));
    for (int64_t i = 0; i < 6; ++i)
        for (int64_t r = 0; r < comm.size(); ++r) {
            double last = record.step_start(i, r);
            EXPECT_EQ(last, record.step_start(i, 0)) << "an agreed start is everybody's";
            for (int64_t l = 0; l < 2; ++l)
                for (std::size_t p = 0; p < phase_count; ++p) {
                    auto const phase = static_cast<Phase>(p);
                    double const begin = record.time_start(i, l, p, r);
                    double const end = record.time_end(i, l, p, r);
                    if (phase == Phase::gate || phase == Phase::rebalance) {
                        EXPECT_TRUE(std::isnan(begin) && std::isnan(end));
                        continue;
                    }
                    EXPECT_LE(last, begin);
                    EXPECT_LE(begin, end);
                    last = end;
                }
            EXPECT_LE(last, record.step_end(i, r));
        }
}

TEST(Replay, FreeIterationsFollowEachOther) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(7);
    MemorySource const source(random, {64, 32, 5}, 2, 8, 2);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.measure.start = "free";
    replay.measure.min_passes = 3;
    auto const record = replay.run();
    if (!comm.is_root()) return;
    ASSERT_EQ(record.step_of, (std::vector<int32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}));
    for (int64_t i = 0; i < 12; ++i) {
        double latest = 0;
        for (int64_t r = 0; r < comm.size(); ++r) {
            latest = std::max(latest, record.step_end(i, r));
            EXPECT_EQ(record.step_start(i, r), record.step_start(i, 0));
        }
        EXPECT_GT(latest, record.step_start(i, 0));
        if (i % 3 == 2) continue;  // the next pass starts anew
        EXPECT_EQ(record.step_start(i + 1, 0), latest);
    }
}

TEST(Replay, AnInterruptionKeepsTheIterationsThatEnded) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(8);
    MemorySource const source(random, {16, 8}, 1, 4, 2);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    int asked = 0;
    bool const teller = index(comm.rank()) == comm.size() - 1;
    // Asked before 2 steps of the survey, 2 of the verification, then after each iteration.
    replay.interrupted = [&] { return ++asked == 7 && teller; };
    auto const record = replay.run();
    EXPECT_EQ(asked, 7);
    if (!comm.is_root()) return;
    EXPECT_EQ(record.status, "interrupted");
    EXPECT_EQ(record.step_of, (std::vector<int32_t>{0, 1, 0}));
    EXPECT_EQ(record.provenance.at("measure").at("stopped"), "interrupted");
}

TEST(Replay, EndsOnAllRanksIfInterruptedBeforeThePasses) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(5);
    MemorySource const source(random, {20, 20}, 1, 4, 2);
    bool const teller = index(comm.rank()) == comm.size() - 1;
    for (auto const& [verify, warmup, stages] :
         {std::tuple{"full", 1, std::vector{"survey", "survey", "verify", "verify"}},
          std::tuple{"off", 0, std::vector{"survey", "survey", "warm-up", "warm-up"}}})
        for (int at = 0; at < std::ssize(stages); ++at) {
            SmallReplay replay(small_spec(source, DType::f32), source, comm);
            replay.measure.verify = verify;
            replay.measure.warmup = warmup;
            int asked = 0;
            replay.interrupted = [&] { return asked++ == at && teller; };
            try {
                replay.run();
                ADD_FAILURE() << "not interrupted at " << at;
            } catch (CollectiveError const& e) {
                EXPECT_EQ(e.exit_code(), ExitCode::interrupted);
                EXPECT_EQ(std::string(e.what()), std::string("interrupted in ") +
                                                     stages[static_cast<std::size_t>(at)] +
                                                     ", before anything was measured");
            }
        }
}

TEST(Replay, BeatsWithEveryLayerOfEveryStep) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(6);
    constexpr int layers = 3, steps = 2;
    MemorySource const source(random, {20, 20}, layers, 4, 2);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.measure.verify = "off";
    Heartbeat heartbeat;
    uint64_t before = 0;
    std::vector<uint64_t> of_iteration;
    replay.interrupted = [&] {
        of_iteration.push_back(heartbeat.beats() - before);
        before = heartbeat.beats();
        return false;
    };
    replay.heartbeat = &heartbeat;
    replay.run();
    EXPECT_STREQ(heartbeat.stage(), "measure");
    ASSERT_EQ(of_iteration.size(), steps * (1u + 1u + 2u));  // survey, warm-up, measured
    for (std::size_t i = steps; i < of_iteration.size(); ++i)
        EXPECT_GE(of_iteration[i], layers) << i;
}

/// What a rank waits in a phase: median over the measured iterations, s.
double median_wait(RunRecord const& record, Phase phase, int64_t rank) {
    std::vector<double> waits;
    for (int64_t i = 0; i < std::ssize(record.step_of); ++i)
        if (!record.is_warmup[static_cast<std::size_t>(i)])
            waits.push_back(record.time_wait(i, 0, static_cast<int64_t>(phase), rank));
    return median(waits);
}

struct WaitCase {
    char const* algorithm;
    char const* delayed;
    Phase waiting;
};

class Waits : public testing::TestWithParam<WaitCase> {};

TEST_P(Waits, ADelayIsSeenByTheRanksThatDependOnTheLateOne) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size();
    if (ranks < 2) return;
    // Ranks 2i and 2i + 1 send their tokens to each other, and nothing to anyone else.
    constexpr int tokens = 4;
    RoutingBatch batch;
    batch.top_k = 1;
    for (int t = 0; t < tokens * ranks; ++t) {
        int const partner = (t / tokens) ^ 1;
        batch.expert.push_back(ExpertId{partner < ranks ? partner : t / tokens});
        batch.weight.push_back(1);
    }
    MemorySource const source(std::move(batch), ranks);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.algorithm = GetParam().algorithm;
    if (replay.algorithm == "allgather") replay.spec.dedup = Dedup::rank;
    replay.measure.min_passes = 7;
    constexpr double delay_s = 0.06;
    replay.inject = {GetParam().delayed, 1, delay_s * 1e6, 1};
    auto const record = replay.run();
    if (!comm.is_root()) return;
    bool const pairs = replay.algorithm != "alltoallv" && replay.algorithm != "padded" &&
                       replay.algorithm != "allgather";
    bool const all = !pairs || GetParam().waiting == Phase::counts;
    for (int64_t r = 0; r < ranks; ++r) {
        double const wait = median_wait(record, GetParam().waiting, r);
        bool const depends = r != 1 && (all || r == 0);
        if (depends) {
            EXPECT_GE(wait, 0.95 * delay_s) << "rank " << r;
        } else {
            EXPECT_LE(wait, 0.2 * delay_s) << "rank " << r;
        }
    }
    EXPECT_TRUE(std::isnan(median_wait(record, Phase::expert, 0))) << "a local phase never waits";
}

INSTANTIATE_TEST_SUITE_P(Algorithms, Waits,
                         testing::Values(WaitCase{"alltoallv", "permute", Phase::dispatch},
                                         WaitCase{"alltoallv", "dispatch", Phase::dispatch},
                                         WaitCase{"alltoallv", "expert", Phase::combine},
                                         WaitCase{"ring", "permute", Phase::dispatch},
                                         WaitCase{"ring", "expert", Phase::combine},
                                         WaitCase{"ring", "layout", Phase::counts},
                                         WaitCase{"shm", "permute", Phase::dispatch},
                                         WaitCase{"shm", "expert", Phase::combine},
                                         WaitCase{"shm", "layout", Phase::counts},
                                         WaitCase{"direct", "dispatch", Phase::dispatch},
                                         WaitCase{"direct", "expert", Phase::combine},
                                         WaitCase{"padded", "permute", Phase::dispatch},
                                         WaitCase{"padded", "expert", Phase::combine},
                                         WaitCase{"padded", "layout", Phase::counts},
                                         WaitCase{"allgather", "permute", Phase::dispatch},
                                         WaitCase{"allgather", "expert", Phase::combine},
                                         WaitCase{"allgather", "layout", Phase::counts},
                                         WaitCase{"pairwise", "permute", Phase::dispatch},
                                         WaitCase{"persistent", "expert", Phase::combine}),
                         [](auto const& test) {
                             return std::string(test.param.algorithm) + "_" + test.param.delayed;
                         });

TEST(Replay, ASlowedPhaseTakesThatManyTimesAsLong) {
    auto const comm = Communicator::duplicate(MPI_COMM_SELF);
    std::mt19937 random(9);
    MemorySource const source(random, {256}, 1, 8, 2);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.measure.min_passes = 9;
    auto const expert_time = [&] {
        auto const record = replay.run();
        std::vector<double> times;
        for (int64_t i = 1; i < std::ssize(record.step_of); ++i)
            times.push_back(record.time_end(i, 0, static_cast<int>(Phase::expert), 0) -
                            record.time_start(i, 0, static_cast<int>(Phase::expert), 0));
        return median(times);
    };
    double const plain = expert_time();
    replay.inject = {"expert", 0, 0, 4};
    EXPECT_GT(expert_time(), 2 * plain);
}

TEST(Replay, FastKernelsStayWithinTheBoundInBothTypes) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(2);
    MemorySource const source(random, {50}, 1, 5, 3);
    for (auto const* kernel : {"onednn", "auto"})
        for (auto const type : {DType::f32, DType::bf16}) {
            SmallReplay replay(small_spec(source, type), source, comm);
            replay.kernel = kernel;
            auto const record = replay.run();
            if (!comm.is_root()) continue;
            EXPECT_EQ(record.checked, 50);
            EXPECT_GT(record.max_error, 0);
            EXPECT_LE(record.max_error, 1);
        }
}

/// \param overlap of the parts; everything else is drawn
void expect_parts_change_nothing(Overlap overlap, DType type, Dedup dedup, std::string algorithm,
                                 unsigned seed) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(seed);
    MemorySource const source(random, {40, 1, 0, 13}, 3, 8, 3);
    auto spec = small_spec(source, type);
    spec.dedup = dedup;
    spec.shape.shared_experts = 1;
    spec.shape.shared_intermediate = 5;
    spec.shape.dense_residual_intermediate = 7;
    SmallReplay whole(spec, source, comm);
    whole.algorithm = algorithm;
    whole.measure.warmup = 1;
    auto split = whole;
    split.overlap = overlap;
    auto const expected = whole.run(), record = split.run();
    if (!comm.is_root()) return;
    EXPECT_EQ(record.output_checksum, expected.output_checksum);
    EXPECT_EQ(record.checked, source.info().tokens() * 3);
    EXPECT_EQ(record.identities, expected.identities);
    EXPECT_EQ(record.wrong, 0);
    EXPECT_EQ(record.expert_tokens, expected.expert_tokens);
    EXPECT_EQ(record.rank_tokens, expected.rank_tokens);
    EXPECT_EQ(record.selected, expected.selected);
    EXPECT_EQ(record.payload, expected.payload);
    EXPECT_TRUE(record.time_wait.empty());

    // Every part of every phase that ran, once, inside its phase and its iteration.
    int const parts = overlap.parts(), ranks = comm.size();
    int const phases = one_pass(algorithm) ? 5 : 7;
    ASSERT_EQ(std::ssize(record.events), std::ssize(record.step_of) * 3 * phases * parts * ranks);
    std::set<std::tuple<int, int, int, int, int>> seen;
    for (auto const& e : record.events) {
        EXPECT_TRUE(seen.insert({e.iteration, e.layer, e.rank, e.phase, e.chunk}).second);
        EXPECT_EQ(e.backward, 0);
        EXPECT_LE(e.start, e.end);
        EXPECT_GE(e.start, record.time_start(e.iteration, e.layer, e.phase, e.rank));
        EXPECT_LE(e.end, record.time_end(e.iteration, e.layer, e.phase, e.rank));
        EXPECT_LE(e.end, record.step_end(e.iteration, e.rank));
    }
    EXPECT_EQ(record.sequential_step.size(), 4u);
    for (double const t : record.sequential_step) EXPECT_GT(t, 0);
    EXPECT_EQ(record.sequential_phase.shape(), (std::array<int64_t, 4>{4, 3, 9, ranks}));
}

TEST(Parts, ChunksGiveTheSameBitsWithAndWithoutAThread) {
    for (int const chunks : {2, 3, 7, 50})
        for (bool const thread : {false, true})
            for (auto const* algorithm : {"alltoallv", "ring", "direct"})
                expect_parts_change_nothing({chunks, 1, thread}, DType::f32, Dedup::none, algorithm,
                                            static_cast<unsigned>(chunks));
}

TEST(Parts, MicroBatchesGiveTheSameBitsWithAndWithoutAThread) {
    for (bool const thread : {false, true})
        for (auto const* algorithm : {"alltoallv", "direct"})
            expect_parts_change_nothing({1, 2, thread}, DType::f32, Dedup::none, algorithm, 5);
}

TEST(Parts, GoThroughTheChecksWithDedup) {
    for (Overlap const overlap : {Overlap{3, 1, true}, Overlap{1, 2, true}})
        for (auto const type : {DType::f32, DType::bf16})
            for (auto const* algorithm : {"alltoallv", "direct"})
                expect_parts_change_nothing(overlap, type, Dedup::rank, algorithm, 9);
}

TEST(Parts, HaveRoomOfTheirOwn) {
    for (Overlap const overlap : {Overlap{3, 1, true}, Overlap{50, 1, false}, Overlap{1, 2, true}})
        for (auto const dedup : {Dedup::none, Dedup::rank})
            expect_parts_change_nothing(overlap, DType::f32, dedup, "padded", 9);
    expect_parts_change_nothing({3, 1, true}, DType::f32, Dedup::rank, "allgather", 9);
}

TEST(Parts, LeaveNothingBehindWhereThereIsOne) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(3);
    MemorySource const source(random, {20}, 1, 4, 2);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.overlap.thread = true;
    auto const record = replay.run();
    EXPECT_TRUE(record.events.empty());
    EXPECT_TRUE(record.sequential_phase.empty());
    EXPECT_TRUE(record.sequential_step.empty());
}

TEST(Parts, FollowEachOtherInFreeIterations) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(4);
    MemorySource const source(random, {30, 6}, 2, 4, 2);
    for (Overlap const overlap : {Overlap{4, 1, true}, Overlap{1, 2, true}}) {
        SmallReplay replay(small_spec(source, DType::f32), source, comm);
        replay.measure.start = "free";
        replay.overlap = overlap;
        auto const record = replay.run();
        if (!comm.is_root()) continue;
        EXPECT_EQ(std::ssize(record.events),
                  std::ssize(record.step_of) * 2 * 7 * overlap.parts() * comm.size());
        EXPECT_EQ(record.events.back().iteration, std::ssize(record.step_of) - 1);
        EXPECT_EQ(record.sequential_step.size(), 2u);
    }
}

TEST(EmulatedExperts, TakeTheirTimeAndShareItAmongParts) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(11);
    MemorySource const source(random, {64}, 2, 8, 2);
    constexpr double layer_s = 4e-3;
    for (Overlap const overlap : {Overlap{}, Overlap{4, 1, true}, Overlap{1, 2, true}}) {
        SmallReplay replay(small_spec(source, DType::f32), source, comm);
        replay.emulate_us = layer_s * 1e6;
        replay.overlap = overlap;
        auto const record = replay.run();
        if (!comm.is_root()) continue;
        EXPECT_EQ(record.checked, 0);
        EXPECT_GT(record.identities, 0);
        EXPECT_EQ(record.flops_per_assignment, 0);
        auto const expert = static_cast<int64_t>(Phase::expert);
        for (int64_t i = 0; i < std::ssize(record.step_of); ++i)
            for (int64_t l = 0; l < 2; ++l)
                for (int64_t r = 0; r < comm.size(); ++r) {
                    double sum = overlap.any() ? 0
                                               : record.time_end(i, l, expert, r) -
                                                     record.time_start(i, l, expert, r);
                    for (auto const& e : record.events)
                        if (e.iteration == i && e.layer == l && e.rank == r && e.phase == expert)
                            sum += e.end - e.start;
                    EXPECT_GE(sum, 0.99 * layer_s);  // never less; a busy machine may take longer
                }
    }
}

}  // namespace
}  // namespace epsim::test
