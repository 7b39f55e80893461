#include "probe/pair_map.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "comm/mpi_session.hpp"

namespace epsim {
namespace {

PairMapCase small_case() {
    PairMapCase pairs{8, 7919, {}, {}};
    pairs.measure.warmup = 1;
    pairs.measure.min_passes = 2;
    return pairs;
}

TEST(PairMap, MeasuresAndChecksEveryPairBothWays) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int64_t rounds = 0;
    auto const record = measure_pairs(small_case(), comm,
                                      {[&](std::string_view stage, int64_t, int64_t total) {
                                           if (stage == "pairs") rounds = total;
                                       },
                                       {},
                                       nullptr});
    EXPECT_EQ(record.wrong, 0);
    if (!comm.is_root()) return;
    int64_t const ranks = comm.size();
    EXPECT_EQ(record.identities, ranks * (ranks - 1));
    EXPECT_EQ(record.size, (std::vector<int64_t>{8, 7919}));
    EXPECT_EQ(rounds % 3, 0);  // passes
    ASSERT_EQ(record.link_seconds.shape(), (std::array<int64_t, 3>{2, ranks, ranks}));
    for (int64_t from = 0; from < ranks; ++from)
        for (int64_t to = 0; to < ranks; ++to)
            for (int64_t z = 0; z < 2; ++z) {
                double const s = record.link_seconds(z, from, to);
                if (from == to)
                    EXPECT_TRUE(std::isnan(s));
                else
                    EXPECT_TRUE(s > 0 && std::isfinite(s)) << from << " to " << to << ": " << s;
            }
}

TEST(PairMap, ADelayOfOneRankIsInAllItsPairsBothWays) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto pairs = small_case();
    pairs.measure.verify = "off";
    pairs.inject.phase = "dispatch";
    pairs.inject.delay_us = 3000;
    for (int sick = 0; sick < comm.size(); sick += std::max(1, comm.size() - 1)) {
        pairs.inject.rank = sick;
        auto const record = measure_pairs(pairs, comm, {});
        EXPECT_EQ(record.identities, 0);
        if (!comm.is_root()) continue;
        for (int64_t r = 0; r < comm.size(); ++r) {
            if (r == sick) continue;
            EXPECT_GE(record.link_seconds(0, r, sick), 1.5e-3);  // half of a round trip's
            EXPECT_GE(record.link_seconds(0, sick, r), 1.5e-3);
            EXPECT_GE(record.link_seconds(1, sick, r), 1.5e-3);
            EXPECT_GE(record.link_seconds(1, r, sick), 1.5e-3);
        }
    }
}

TEST(PairMap, ASlowdownMultipliesWhatARankSendsAndAwaits) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto pairs = small_case();
    auto const plain = measure_pairs(pairs, comm, {});
    pairs.inject.phase = "dispatch";
    pairs.inject.slowdown = 100;  // no noise does that
    pairs.inject.rank = comm.size() - 1;
    auto const slow = measure_pairs(pairs, comm, {});
    if (!comm.is_root() || comm.size() < 2) return;
    EXPECT_GT(slow.link_seconds(0, 0, comm.size() - 1),
              2 * plain.link_seconds(0, 0, comm.size() - 1));
}

TEST(PairMap, InterruptedBeforeEveryPairWasMeasuredIsAnErrorOnAllRanks) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    if (comm.size() < 2) GTEST_SKIP() << "no pair, no round";
    bool const mine = index(comm.rank()) == comm.size() - 1;  // one rank is enough
    try {
        measure_pairs(small_case(), comm, {{}, [&] { return mine; }, nullptr});
        FAIL();
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::interrupted);
    }
}

TEST(PairMap, InterruptedLaterKeepsWhatThereIs) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    if (comm.size() < 2) GTEST_SKIP() << "no pair, no round";
    auto pairs = small_case();
    pairs.measure.min_passes = 1000;
    pairs.measure.verify = "off";
    int64_t looks = 0, rounds = 0;
    auto const record =
        measure_pairs(pairs, comm,
                      {[&](std::string_view, int64_t, int64_t total) { rounds = total / 1001; },
                       [&] { return comm.is_root() && ++looks > 6 * rounds; }, nullptr});
    EXPECT_EQ(record.status, "interrupted");
    if (comm.is_root()) {
        EXPECT_TRUE(std::isfinite(record.link_seconds(1, 0, comm.size() - 1)));
    }
}

}  // namespace
}  // namespace epsim
