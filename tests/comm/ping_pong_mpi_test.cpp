#include "comm/ping_pong.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "measure/clock.hpp"

namespace epsim {
namespace {

TEST(PingPong, TimesEverySizeOnTheLowerRank) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::vector<int64_t> const sizes{1, 8, 100'000};
    for (int high = 1; high < comm.size(); ++high) {
        bool const leads = comm.is_root();
        if (!leads && index(comm.rank()) != high) continue;
        auto const seconds = ping_pong(comm, RankId{leads ? high : 0}, sizes, {0, 1});
        ASSERT_EQ(seconds.size(), leads ? sizes.size() : 0u);
        for (double const s : seconds) {
            EXPECT_GT(s, 0);
            EXPECT_TRUE(std::isfinite(s));
        }
    }
    comm.barrier();
}

TEST(Communicator, SplitsByColourInTheOrderOfRanks) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const rank = index(comm.rank()), n = comm.size();
    auto const half = comm.split(rank % 2);
    EXPECT_EQ(half.size(), (n + 1 - rank % 2) / 2);
    EXPECT_EQ(index(half.rank()), rank / 2);
    EXPECT_EQ(half.all_sum(int64_t{rank % 2}), rank % 2 * half.size());
}

TEST(Communicator, QuietBarrierHoldsUntilTheLastComes) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    MonotonicClock const clock;  // one for all: the ranks of a test share a host
    for (int late = 0; late < comm.size(); ++late) {
        double const begin = comm.broadcast(clock.now());
        while (index(comm.rank()) == late && clock.now() < begin + 5e-3) {
        }
        comm.quiet_barrier();
        EXPECT_GE(clock.now(), begin + 5e-3);
    }
}

}  // namespace
}  // namespace epsim
