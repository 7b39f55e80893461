#include "layer/layer_bounds.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/made_machine.hpp"

namespace epsim {
namespace {

using test::AffineLinks;
using test::ceilings;

/// Rows of 64 floats there and 64 bf16 back, bf16 experts of 3 x 64 x 32; two ranks of one node.
struct Case {
    ClusterTopology topology = ClusterTopology::blocks(2, 2);
    Calibration measured =
        calibrate(AffineLinks(2, 1e-6, 1e9), topology, ceilings(1e9, 1e15), ceilings(1.6e9, 1e15));
    LayerSpec spec;
    LayerWork work{{Array<int64_t, 2>({2, 2})},
                   {Array<int64_t, 2>({2, 2})},
                   {Array<int64_t, 2>({2, 2})},
                   {Array<int64_t, 2>({2, 2})},
                   {Array<int64_t, 2>({2, 2}), Array<int64_t, 2>({2, 1})},
                   {10, 7},
                   {4, 6},
                   {2, 1},
                   {50, 50}};
    double cache = 1;

    Case() {
        spec.shape.hidden = 64;
        spec.shape.expert_intermediate = 32;
        spec.shape.num_experts = 4;
        spec.shape.top_k = 2;
        spec.wire_dtype = DType::f32;
        set(work.rows[0], {30, 10, 20, 40});
        set(work.counts[0], {4, 4, 4, 4});
        set(work.entries[0], {240, 80, 160, 320});
        set(work.distinct.rank, {4, 3, 6, 5});
        set(work.distinct.node, {4, 6});
    }
    static void set(Array<int64_t, 2>& array, std::vector<int64_t> const& values) {
        std::ranges::copy(values, array.flat().begin());
    }
    LayerBounds bounds(std::string_view algorithm = "alltoallv") const {
        return layer_bounds(MachineLimits(topology, measured, cache), spec, algorithm, work);
    }
    double bound(Phase phase) const {
        return bounds().bound[static_cast<std::size_t>(phase)].seconds;
    }
    double least(Phase phase) const { return bounds().least[static_cast<std::size_t>(phase)]; }
};

/// Of what ranks 0 and 1 read and write: the slower rank alone, or both at the node's speed.
double memory(double read0, double written0, double read1, double written1) {
    return std::max({(read0 + written0 - 2) / 1e9, (read1 + written1 - 2) / 1e9,
                     (read0 + read1 + written0 + written1 - 2) / 1.6e9});
}

TEST(LayerBounds, CopiesReadAndWriteEveryRowOnce) {
    Case const c;
    EXPECT_NEAR(c.bound(Phase::permute), memory(4 * 128, 40 * 256, 6 * 128, 60 * 256), 1e-12);
    EXPECT_NEAR(c.bound(Phase::unpermute), memory(40 * 128, 10 * 128, 60 * 128, 7 * 128), 1e-12);
    EXPECT_EQ(c.least(Phase::permute), c.bound(Phase::permute));
    EXPECT_TRUE(std::isnan(c.bound(Phase::layout)));
    EXPECT_TRUE(std::isnan(c.least(Phase::layout)));
}

TEST(LayerBounds, OfOnePassHaveNoPermuteOfTheirOwn) {
    Case const c;
    auto const direct = c.bounds("direct");
    for (auto const phase : {Phase::permute, Phase::unpermute})
        EXPECT_FALSE(direct.bound[static_cast<std::size_t>(phase)].exists());
    for (auto const phase : {Phase::dispatch, Phase::combine}) {
        auto const p = static_cast<std::size_t>(phase);
        EXPECT_LT(direct.bound[p].seconds, c.bound(phase));
        EXPECT_GE(direct.bound[p].seconds, direct.least[p]);
    }
}

TEST(LayerBounds, ExpertsReadTheWeightsThatTheyUse) {
    Case c;
    double const expert = 3 * 64 * 32 * 2;
    EXPECT_NEAR(c.bound(Phase::expert),
                memory(2 * expert + 50 * 256, 50 * 128, expert + 50 * 256, 50 * 128), 1e-12);
    c.work.active_slots = {0, 0};
    EXPECT_NEAR(c.bound(Phase::expert), memory(50 * 256, 50 * 128, 50 * 256, 50 * 128), 1e-12);

    c.spec.shape.shared_experts = 2;
    c.spec.shape.shared_intermediate = 8;
    c.spec.shape.dense_residual_intermediate = 16;
    double const local = 2 * 3 * 64 * 8 * 2 + 3 * 64 * 16 * 2;
    EXPECT_NEAR(c.bound(Phase::expert),
                memory(50 * 256 + local + 10 * 128, 50 * 128 + 2 * 10 * 128,
                       50 * 256 + local + 7 * 128, 50 * 128 + 2 * 7 * 128),
                1e-12);
    c.work.tokens[1] = 0;
    EXPECT_NEAR(c.bound(Phase::expert),
                memory(50 * 256 + local + 10 * 128, 50 * 128 + 2 * 10 * 128, 50 * 256, 50 * 128),
                1e-12);
}

TEST(LayerBounds, ExpertsComputeEveryRowAndLocalNetworksEveryToken) {
    Case c;
    c.cache = 0;
    c.measured.rank = {ceilings(0, 1e9), ceilings(0, 1e9)};
    c.measured.node = {ceilings(0, 1.5e9)};  // bf16: twice as much
    double const pair = 6 * 64 * 32;
    c.work.assignments = {50, 10};
    EXPECT_NEAR(c.bound(Phase::expert), 50 * pair / 2e9, 1e-12);
    c.work.assignments = {50, 50};
    EXPECT_NEAR(c.bound(Phase::expert), 100 * pair / 3e9, 1e-12);
    c.spec.shape.shared_experts = 1;
    c.spec.shape.shared_intermediate = 8;
    EXPECT_NEAR(c.bound(Phase::expert), (100 * pair + 17 * 6 * 64 * 8) / 3e9, 1e-12);
    c.spec.dtype = DType::f32;
    EXPECT_NEAR(c.bound(Phase::expert), (100 * pair + 17 * 6 * 64 * 8) / 1.5e9, 1e-12);
    EXPECT_TRUE(std::isnan(c.bound(Phase::permute))) << "no memory test, no bound";
}

TEST(LayerBounds, ExchangesHaveTheirRowsAndTheLeastOfThem) {
    Case c;
    c.cache = 0;
    double const alpha = 1e-6, speed = 1e9;
    EXPECT_NEAR(c.bound(Phase::dispatch), alpha + 20 * 256 / speed, 1e-12);
    EXPECT_NEAR(c.bound(Phase::combine), alpha + 20 * 128 / speed, 1e-12);
    EXPECT_NEAR(c.bound(Phase::counts), alpha + (4 + 20 * 8) / speed, 1e-12);
    for (auto const phase : {Phase::dispatch, Phase::combine})
        EXPECT_EQ(c.least(phase), 0) << "ranks of a node may share memory";
    EXPECT_EQ(c.least(Phase::counts), c.bound(Phase::counts));
    // Nothing leaves its rank: the all-to-all still sends empty messages, which nobody needs.
    Case::set(c.work.rows[0], {30, 0, 0, 40});
    Case::set(c.work.distinct.rank, {4, 0, 0, 5});
    EXPECT_NEAR(c.bound(Phase::dispatch), alpha, 1e-12);
    EXPECT_EQ(c.least(Phase::dispatch), 0);
    auto const ring = c.bounds("ring");
    auto const p = static_cast<std::size_t>(Phase::dispatch);
    EXPECT_FALSE(ring.bound[p].exists());
    EXPECT_TRUE(std::isnan(ring.least[p]));
}

TEST(LayerBounds, PaddingTravelsAndIsNotTouched) {
    Case plain, padded;
    Case::set(padded.work.padding[0], {70, 90, 80, 60});
    for (auto const phase : {Phase::permute, Phase::expert, Phase::unpermute})
        EXPECT_EQ(padded.bounds("padded").bound[static_cast<std::size_t>(phase)].seconds,
                  plain.bound(phase));
    plain.cache = padded.cache = 0;
    auto const bounds = padded.bounds("padded");
    auto const of = [](LayerBounds const& b, Phase phase) {
        return b.bound[static_cast<std::size_t>(phase)].seconds;
    };
    EXPECT_NEAR(of(bounds, Phase::dispatch), 1e-6 + 100 * 256 / 1e9, 1e-12);
    EXPECT_NEAR(of(bounds, Phase::combine), 1e-6 + 100 * 128 / 1e9, 1e-12);
    EXPECT_EQ(bounds.least[static_cast<std::size_t>(Phase::dispatch)],
              plain.least(Phase::dispatch));
}

TEST(LayerBounds, OfAGatherComeBackWithoutPadding) {
    Case c;  // 10 and 7 tokens, to both ranks
    Case::set(c.work.rows[0], {4, 3, 6, 5});
    Case::set(c.work.padding[0], {6, 7, 1, 2});
    auto const of = [&](Phase phase) {
        return c.bounds("allgather").bound[static_cast<std::size_t>(phase)].seconds;
    };
    EXPECT_NEAR(of(Phase::permute), memory(4 * 128, 10 * 256, 6 * 128, 7 * 256), 1e-12);
    EXPECT_NEAR(of(Phase::unpermute), memory(7 * 128, 10 * 128, 11 * 128, 7 * 128), 1e-12);
    c.cache = 0;
    EXPECT_NEAR(of(Phase::dispatch), 1e-6 + 10 * 256 / 1e9, 1e-12);
    EXPECT_NEAR(of(Phase::combine), 1e-6 + 6 * 128 / 1e9, 1e-12);
}

TEST(LayerBounds, CombineGoesBackwards) {
    Case c;
    c.cache = 0;
    Case::set(c.work.rows[0], {0, 10, 0, 0});
    c.measured = calibrate(AffineLinks(2, 0, 1e9), c.topology, {}, {});
    for (int64_t z = 0; z < c.measured.link_seconds.extent(0); ++z)
        c.measured.link_seconds(z, 1, 0) *= 4;  // the way back is slow
    EXPECT_NEAR(c.bound(Phase::dispatch), 10 * 256 / 1e9, 1e-12);
    EXPECT_NEAR(c.bound(Phase::combine), 10 * 128 / 0.25e9, 1e-12);
}

}  // namespace
}  // namespace epsim
