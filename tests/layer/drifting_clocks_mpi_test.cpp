#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "layer/replay_fixture.hpp"
#include "support/drifting_clock.hpp"

namespace epsim::test {
namespace {

/// Every token to one expert of each rank, so that nobody can leave an exchange before everyone has
/// entered it.
MemorySource everybody_to_everybody(int ranks) {
    constexpr int tokens = 6;
    RoutingBatch batch;
    batch.top_k = ranks;
    for (int t = 0; t < tokens * ranks; ++t)
        for (int e = 0; e < ranks; ++e) {
            batch.expert.push_back(ExpertId{e});
            batch.weight.push_back(0.5f);
        }
    return {std::move(batch), ranks};
}

class DriftingClocks : public testing::TestWithParam<int> {};

TEST_P(DriftingClocks, TimesOfAReplayObeyCausality) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size();
    std::mt19937 random(17);
    auto const source = everybody_to_everybody(ranks);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.clock_domain = blocks_of(GetParam(), ranks);
    auto const clocks = drifting_clocks(random, replay.clock_domain.back() + 1, 50e-6,
                                        comm.broadcast(MonotonicClock().now()));
    auto const domain = [&](int64_t r) {
        return static_cast<std::size_t>(replay.clock_domain[static_cast<std::size_t>(r)]);
    };
    replay.clock = &clocks[domain(index(comm.rank()))];
    replay.measure.min_passes = 12;
    auto const record = replay.run();
    if (!comm.is_root()) return;

    auto const epochs = record.clock_error.extent(0);
    ASSERT_EQ(epochs, 14);
    std::vector<double> error(static_cast<std::size_t>(ranks));
    for (int64_t r = 0; r < ranks; ++r) {
        double const true_slope = 1 - clocks[0].rate() / clocks[domain(r)].rate();
        for (int64_t e = 0; e < epochs; ++e) {
            auto& largest = error[static_cast<std::size_t>(r)];
            largest = std::max(largest, record.clock_error(e, r));
            EXPECT_EQ(record.clock_error(e, r) == 0, domain(r) == 0);
            if (domain(r) == 0) {
                EXPECT_EQ(record.clock_offset(e, r), 0);
            }
            if (e + 1 == epochs) continue;
            double const apart = record.clock_t_ref(e + 1, r) - record.clock_t_ref(e, r);
            EXPECT_NEAR(record.clock_slope(e, r), true_slope,
                        (record.clock_error(e, r) + record.clock_error(e + 1, r)) / apart + 1e-9);
        }
    }
    auto const slack = [&](int64_t r) { return error[static_cast<std::size_t>(r)] + 1e-9; };
    for (int64_t i = 0; i < std::ssize(record.step_of); ++i)
        for (auto const phase : {Phase::counts, Phase::dispatch, Phase::combine}) {
            auto const p = static_cast<int64_t>(phase);
            double last_in = -1e9;
            for (int64_t r = 0; r < ranks; ++r)
                last_in = std::max(last_in, record.time_start(i, 0, p, r) - slack(r));
            for (int64_t r = 0; r < ranks; ++r) {
                EXPECT_GE(record.time_end(i, 0, p, r), last_in - slack(r))
                    << name_of(phase) << " of rank " << r << " ended before all had begun it";
                EXPECT_LE(record.time_end(i, 0, p, r), record.step_end(i, r));
            }
        }
}

INSTANTIATE_TEST_SUITE_P(RanksAHost, DriftingClocks, testing::Values(1, 2));

}  // namespace
}  // namespace epsim::test
