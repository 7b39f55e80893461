#include <gtest/gtest.h>

#include <cmath>

#include "layer/replay_fixture.hpp"

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

TEST(Replay, OneDnnStaysWithinTheBoundInBothTypes) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(2);
    MemorySource const source(random, {50}, 1, 5, 3);
    for (auto const type : {DType::f32, DType::bf16}) {
        SmallReplay replay(small_spec(source, type), source, comm);
        replay.kernel = "onednn";
        auto const record = replay.run();
        if (!comm.is_root()) continue;
        EXPECT_EQ(record.checked, 50);
        EXPECT_GT(record.max_error, 0);
        EXPECT_LE(record.max_error, 1);
    }
}

}  // namespace
}  // namespace epsim::test
