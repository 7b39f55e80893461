#include "layer/phase_bounds.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "layer/replay_fixture.hpp"
#include "model/formulas.hpp"
#include "support/made_machine.hpp"

namespace epsim::test {
namespace {

constexpr double alpha = 3e-6, speed = 1e9, rank_flops = 1e7, node_flops = 1.5e7;
constexpr int row_bytes = 24 * 4;

/// A replay on a made-up machine of two ranks a node, whose memory nothing is known of.
class PhaseBoundsOf : public testing::TestWithParam<char const*> {
protected:
    static SmallReplay make(MemorySource const& source, Communicator const& comm) {
        SmallReplay replay(small_spec(source, DType::f32), source, comm);
        replay.algorithm = GetParam();
        auto const topology = ClusterTopology::blocks(comm.size(), 2);
        if (comm.is_root())  // as a probe leaves it
            replay.calibration = calibrate(AffineLinks(comm.size(), alpha, speed), topology,
                                           ceilings(0, rank_flops), ceilings(0, node_flops));
        return replay;
    }
};

/// What a layer of a step must give, reckoned from the trace: linear experts, contiguous tokens.
struct Reckoning {
    Reckoning(RoutingBatch const& batch, int ranks, int experts)
        : rows({ranks, ranks}), received(static_cast<std::size_t>(ranks)) {
        int64_t const n = batch.tokens();
        int const nodes = (ranks + 1) / 2;
        std::vector<double> in(received.size()), out(in), inside(in);
        std::vector<double> crossing(static_cast<std::size_t>(nodes));
        std::set<std::pair<int64_t, int64_t>> seen_node;
        for (int64_t a = 0; a < n * batch.top_k; ++a) {
            int64_t const e = index(batch.expert[static_cast<std::size_t>(a)]);
            if (e < 0) continue;
            int64_t const t = a / batch.top_k, from = t * ranks / n, to = e * ranks / experts;
            ++rows(from, to);
            ++received[static_cast<std::size_t>(to)];
            bool const network = from / 2 != to / 2;
            if (seen_node.emplace(t, to / 2).second && network)
                ++crossing[static_cast<std::size_t>(to / 2)];
            if (network) {
                ++in[static_cast<std::size_t>(to)];
                ++out[static_cast<std::size_t>(from)];
            } else if (from != to) {
                ++inside[static_cast<std::size_t>(to)];
            }
        }
        for (auto const* port : {&in, &out, &inside})
            busiest = std::max(busiest, std::ranges::max(*port));
        for (int node = 0; node < nodes; ++node) {
            double const ports = std::min(2, ranks - 2 * node);
            least = std::max(least, crossing[static_cast<std::size_t>(node)] / ports);
            double const both = received[static_cast<std::size_t>(2 * node)] +
                                (ports > 1 ? received[static_cast<std::size_t>(2 * node + 1)] : 0);
            flops_s = std::max(flops_s, both / node_flops);
        }
        // A rank alone on its node is as fast as the node.
        if (ranks > 1) flops_s = std::max(flops_s, std::ranges::max(received) / rank_flops);
    }

    Array<int64_t, 2> rows;
    std::vector<double> received;
    double busiest = 0;  ///< rows through one port, one way
    double least = 0;    ///< rows through each port of the busiest node, once a token
    double flops_s = 0;  ///< / FLOPs of a row
};

TEST_P(PhaseBoundsOf, AreThoseOfTheTracesTraffic) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size();
    std::mt19937 random(11);
    MemorySource const source(random, {40, 1, 17}, 2, 7, 3);
    auto const record = make(source, comm).run();
    if (!comm.is_root()) return;
    EXPECT_EQ(std::ssize(record.resource), std::ssize(resource_names));
    ASSERT_EQ(record.bound.shape(), (std::array<int64_t, 3>{3, 2, phase_count}));
    auto const flops = static_cast<double>(pair_flops(small_spec(source, DType::f32).shape));
    for (int s = 0; s < 3; ++s)
        for (int l = 0; l < 2; ++l) {
            Reckoning const expected(source.batch(s, l), ranks, 7);
            auto const bound = [&](Phase p) { return record.bound(s, l, static_cast<int>(p)); };
            auto const least = [&](Phase p) {
                return record.least_bound(s, l, static_cast<int>(p));
            };
            EXPECT_NEAR(bound(Phase::expert), flops * expected.flops_s, 1e-12);
            EXPECT_EQ(least(Phase::expert), bound(Phase::expert));
            for (auto const unknown : {Phase::layout, Phase::permute, Phase::unpermute})
                EXPECT_TRUE(std::isnan(bound(unknown)));
            for (std::size_t p = 0; p < phase_count; ++p) {
                EXPECT_EQ(record.bound_resource(s, l, p) < 0, std::isnan(record.bound(s, l, p)));
                EXPECT_EQ(std::isnan(record.least_bound(s, l, p)),
                          std::isnan(record.bound(s, l, p)));
                EXPECT_FALSE(record.least_bound(s, l, p) > record.bound(s, l, p));
            }
            bool const messages =
                GetParam() == std::string("alltoallv") ? ranks > 1 : expected.busiest > 0;
            EXPECT_EQ(std::isfinite(bound(Phase::counts)), ranks > 1);
            EXPECT_EQ(std::isfinite(bound(Phase::dispatch)), messages);
            if (!messages) continue;
            double const busiest = alpha + expected.busiest * row_bytes / speed;
            double const once = expected.least > 0 ? alpha + expected.least * row_bytes / speed : 0;
            EXPECT_NEAR(bound(Phase::dispatch), busiest, 1e-10);
            EXPECT_NEAR(least(Phase::dispatch), once, 1e-10);
            EXPECT_NEAR(least(Phase::combine), once, 1e-10);
            // Back, receivers inside a node are those that sent before.
            EXPECT_GE(bound(Phase::combine), once - 1e-10);
            EXPECT_GT(bound(Phase::counts), alpha);
        }
}

TEST_P(PhaseBoundsOf, NothingAreNone) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(12);
    MemorySource const source(random, {9}, 1, 4, 2);
    auto replay = make(source, comm);
    replay.calibration = {};
    auto const record = replay.run();
    EXPECT_TRUE(record.bound.empty());
    EXPECT_TRUE(record.least_bound.empty());
    EXPECT_TRUE(record.bound_resource.empty());
    EXPECT_TRUE(record.resource.empty());
}

INSTANTIATE_TEST_SUITE_P(Algorithms, PhaseBoundsOf, testing::Values("alltoallv", "ring"));

}  // namespace
}  // namespace epsim::test
