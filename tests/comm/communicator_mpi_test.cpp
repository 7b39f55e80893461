#include "comm/communicator.hpp"

#include <gtest/gtest.h>

#include "comm/mpi_session.hpp"

namespace epsim::test {
namespace {

TEST(Communicator, ReducesGathersAndBroadcasts) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const rank = index(comm.rank()), n = comm.size();
    EXPECT_EQ(comm.all_sum(int64_t{rank + 1}), int64_t{n} * (n + 1) / 2);
    EXPECT_EQ(comm.all_max(static_cast<double>(rank)), n - 1.0);
    EXPECT_EQ(comm.all_min(static_cast<double>(rank)), 0.0);
    EXPECT_TRUE(comm.all_agree(true));
    EXPECT_EQ(comm.all_agree(rank != n - 1), false);
    EXPECT_EQ(comm.broadcast(rank == 0 ? std::string("config") : std::string("junk")), "config");
    auto const texts = comm.all_gather(std::string(static_cast<std::size_t>(rank), 'x'));
    for (int r = 0; r < n; ++r)
        EXPECT_EQ(texts[static_cast<std::size_t>(r)].size(), static_cast<std::size_t>(r));
    std::vector<double> const mine{1.0 * rank, 2.0 * rank};
    auto const all = comm.gather(std::span<double const>(mine));
    ASSERT_EQ(all.size(), comm.is_root() ? static_cast<std::size_t>(2 * n) : 0u);
    if (comm.is_root()) {
        EXPECT_EQ(all.back(), 2.0 * (n - 1));
    }
}

TEST(OnAllRanks, OneRanksErrorReachesAll) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    EXPECT_NO_THROW(on_all_ranks(comm, [] {}));
    try {
        on_all_ranks(comm, [&] {
            if (index(comm.rank()) == comm.size() - 1) throw InputError("no such file");
        });
        FAIL() << "nothing was thrown";
    } catch (CollectiveError const& e) {
        EXPECT_STREQ(e.what(), "no such file");
        EXPECT_EQ(e.exit_code(), ExitCode::usage);
    }
}

}  // namespace
}  // namespace epsim::test
