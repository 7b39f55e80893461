#include "layer/memory_need.hpp"

#include <gtest/gtest.h>

#include "layer/part_times.hpp"
#include "schedule/exchange_candidates.hpp"
#include "support/random_routing.hpp"
#include "trace/generator.hpp"

namespace epsim::test {
namespace {

MeasureOptions options(int warmup, int min_passes, int max_passes = 0) {
    MeasureOptions measure;
    measure.warmup = warmup;
    measure.min_passes = min_passes;
    measure.max_passes = max_passes;
    return measure;
}

/// Every figure by hand, of a generator's tokens.
struct Case {
    int steps = 3;
    MeasureOptions measure = options(1, 4);
    DType dtype = DType::f32;
    Overlap overlap = {};
    double emulate_us = 0;
    std::string algorithm = "alltoallv";
    Capacity capacity = {};

    MemoryNeed of(int ranks, int rank) const {
        auto const source = make_generator({.trace = {}, .generator = "uniform"},
                                           {.per_step = 40, .steps = steps}, 6, 2, 5);
        LayerSpec spec;
        spec.shape.hidden = 10;
        spec.shape.num_experts = 6;
        spec.shape.top_k = 2;
        spec.shape.expert_intermediate = 7;
        spec.dtype = spec.wire_dtype = dtype;
        spec.combine_dtype = DType::f32;
        spec.layers = 5;
        auto const placement = linear_placement(5, 6, ranks);
        auto const topology = ClusterTopology::blocks(ranks, ranks);
        std::vector<LayerId> layers;
        for (int l = 0; l < 5; ++l) layers.push_back(LayerId{l});
        return memory_need({spec,
                            *source,
                            layers,
                            Assign::contiguous,
                            placement,
                            topology,
                            algorithm,
                            measure,
                            {},
                            {},
                            overlap,
                            emulate_us,
                            capacity},
                           ranks, RankId{rank});
    }
};

TEST(MemoryNeed, CountsWhatARankHolds) {
    auto const need = Case{}.of(4, 3);  // experts 2, 2, 1, 1; 10 tokens
    EXPECT_EQ(need.weights, 5 * 1 * (3 * 10 * 7) * 4);
    EXPECT_EQ(need.tokens, 10 * (10 * 4 + 5 * 2 * 8) + 10 * 10 * 4);
    EXPECT_EQ(need.rows, 2 * 10 * 2 * 10 * (4 + 4));
    EXPECT_EQ(need.record, 4 * 8);
    EXPECT_EQ(need.total(), need.weights + need.tokens + need.rows + need.record);
    auto const half = Case{.dtype = DType::bf16}.of(4, 3);
    EXPECT_EQ(half.weights, need.weights / 2);
    EXPECT_EQ(half.rows, 2 * 10 * 2 * 10 * (2 + 4));
}

TEST(MemoryNeed, RankZeroKeepsTimesAndCounts) {
    auto const need = Case{}.of(4, 0);
    double const stamps = 4.0 * (1 + 4) * 3 * 5 * 9 * 4 * 8, counts = 3 * 5 * (2 * 6 + 4) * 8;
    EXPECT_EQ(need.record, 4 * 8 + stamps + counts);
    auto const few = Case{.measure = options(1, 4, 1)}.of(4, 0);
    EXPECT_EQ(few.record, 4 * 8 + stamps * 2 / 5 + counts);
}

TEST(MemoryNeed, FreeIterationsKeepEveryStep) {
    MeasureOptions freely;
    freely.start = "free";
    auto const need = Case{.measure = freely}.of(4, 1);
    EXPECT_EQ(need.tokens, 3 * 10 * (10 * 4 + 5 * 2 * 8) + 10 * 10 * 4);
}

TEST(MemoryNeed, CountsIntervalsOfPartsUpToTheirLimit) {
    Case whole, split;
    split.overlap = {3, 1, true};
    double const intervals = (1 + 4) * 3 * 5 * 9 * 4;  // iterations, layers, phases, ranks
    EXPECT_EQ(split.of(4, 0).record - whole.of(4, 0).record,
              intervals * 3 * sizeof(Event) + intervals * sizeof(double));
    EXPECT_EQ(split.of(4, 3).total(), whole.of(4, 3).total()) << "on rank 0 only";
    whole.measure.min_passes = split.measure.min_passes = 10'000;
    double const many = 10'001.0 * 3 * 5 * 9 * 4;
    EXPECT_EQ(split.of(4, 0).record - whole.of(4, 0).record,
              static_cast<double>(most_events) * sizeof(Event) + many * sizeof(double));
}

TEST(MemoryNeed, PaddedRowsAreThoseOfTheCapacity) {
    Case padded{.algorithm = "padded", .capacity = {7, 1}};
    EXPECT_EQ(padded.of(4, 3).rows, 2 * 4 * 7 * 10 * (4 + 4));
    padded.overlap = {3, 1, true};
    EXPECT_EQ(padded.of(4, 3).rows, 3 * 2 * 4 * 7 * 10 * (4 + 4)) << "each part has its own";
}

TEST(MemoryNeed, EveryTokenComesToEveryRankOfAGather) {
    EXPECT_EQ((Case{.algorithm = "allgather"}.of(4, 3).rows), 40 * 10 * 4 + 2 * 10 * 2 * 10 * 4);
}

TEST(MemoryNeed, EmulatedExpertsHaveNoWeights) {
    Case emulated;
    emulated.emulate_us = 5;
    EXPECT_EQ(emulated.of(4, 0).weights, 0);
}

TEST(MemoryNeed, ATrialHoldsTheRowsOfAllThatItTriesBeforeThereAreWeights) {
    Case one, some;
    some.algorithm = auto_algorithm;
    some.emulate_us = one.emulate_us = 5;
    double const tried =
        static_cast<double>(exchange_candidates(ClusterTopology::blocks(4, 4), Dedup::none).size());
    double const of_bruck = 0.5 * (2 + 1) * 10 * 2 * 10 * 4;
    EXPECT_EQ(some.of(4, 3).rows, tried * one.of(4, 3).rows + of_bruck);
    some.emulate_us = one.emulate_us = 0;
    EXPECT_EQ(some.of(4, 3).total(),
              one.of(4, 3).total() - one.of(4, 3).rows - one.of(4, 3).weights +
                  std::max(tried * one.of(4, 3).rows + of_bruck,
                           one.of(4, 3).weights + one.of(4, 3).rows + of_bruck));
}

TEST(MemoryNeed, OfRowsAloneIsTheLargestStepsRows) {
    auto const topology = ClusterTopology::blocks(3, 2);
    Array<int64_t, 2> few({3, 3}), many({3, 3});
    few(0, 1) = 2;
    many(0, 1) = 5;  // rank 0 keeps 4, sends 5 to 1 and 6 to 2
    many(0, 0) = 4;
    many(0, 2) = 6;
    auto const need = [&](std::string const& algorithm, int32_t rank) {
        return memory_need(ExchangeCase{{{few}, {many}}, {0}, 10, algorithm, topology, {}, {}, {}},
                           RankId{rank});
    };
    EXPECT_EQ(need("ring", 0), 10 * (15 + 4));
    EXPECT_EQ(need("ring", 2), 10 * 6);
    EXPECT_EQ(need("auto", 2), 10 * 6 * static_cast<double>(transport_candidates().size()));
    // By rail rank 0's rows wait at rank 0 (9) and at rank 2 (6); each arrives twice with its plan.
    EXPECT_EQ(need("rail", 0), 10 * (15 + 4) + 15 * (10 + 64) + (9 + 4) * (20 + 64));
    EXPECT_EQ(need("rail", 2), 10 * 6 + (6 + 6) * (20 + 64));
}

}  // namespace
}  // namespace epsim::test
