#include "exchange/mpi/bruck_transport.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "exchange/mpi/persistent_transport.hpp"
#include "exchange/traffic.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim::test {
namespace {

TEST(Transport, MovesEveryRowInRepeatedCalls) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    for (auto const& algorithm : exchange_algorithms()) {
        if (algorithm == "padded") continue;  // blocks of one size, below
        auto const transport =
            make_mpi_transport(comm, algorithm, ClusterTopology::blocks(comm.size(), 3));
        repeated_calls(*transport, comm, 7);
        ASSERT_TRUE(comm.all_agree(!testing::Test::HasFailure())) << algorithm;
    }
}

TEST(AlltoallTransport, MovesBlocksOfOneSizeAndNoOthers) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const transport =
        make_mpi_transport(comm, "padded", ClusterTopology::blocks(comm.size(), 3));
    TrafficRank rank(comm);
    for (int64_t const rows : {3, 0, 1, 41, 2, 700, 7})
        for (Lane const lane : {Lane::metadata, Lane::dispatch, Lane::combine})
            for (int64_t const bytes : {1, 8, 33}) {
                Traffic const traffic{Array<int64_t, 2>({comm.size(), comm.size()}, rows), bytes};
                rank.exchange(*transport, lane, traffic, static_cast<unsigned>(rows + bytes));
            }
    if (comm.size() == 1) return;
    std::vector<int64_t> offset(static_cast<std::size_t>(comm.size()) + 1, 4);
    offset[0] = 0;  // all to rank 0
    EXPECT_THROW(transport->all_to_all_rows(Lane::dispatch, nullptr, offset, offset, 8), Error);
}

TEST(BruckTransport, CountsRowsWhereBytesAreTooMany) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    BruckTransport transport(comm, 100);
    repeated_calls(transport, comm, 8);
}

TEST(PersistentTransport, KeepsItsRequestsWhileTrafficRepeats) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    PersistentTransport transport(comm);
    Traffic traffic{Array<int64_t, 2>({comm.size(), comm.size()}, 3), 16};
    TrafficRank rank(comm);
    rank.send.reserve(1 << 16);  // stays where it is
    for (unsigned i = 0; i < 5; ++i) rank.exchange(transport, Lane::dispatch, traffic, i);
    EXPECT_EQ(transport.times_made(), 1);
    for (unsigned i = 0; i < 5; ++i) {
        rank.exchange(transport, Lane::combine, traffic, i);
        rank.exchange(transport, Lane::dispatch, traffic, i);
    }
    EXPECT_EQ(transport.times_made(), 2) << "each lane has its own";
    traffic.rows(0, comm.size() - 1) = 2;
    for (unsigned i = 0; i < 5; ++i) rank.exchange(transport, Lane::dispatch, traffic, i);
    bool const concerned = comm.is_root() || index(comm.rank()) == comm.size() - 1;
    EXPECT_EQ(transport.times_made(), concerned ? 3 : 2) << "only those whose offsets changed";
    traffic.row_bytes = 8;
    for (unsigned i = 0; i < 5; ++i) rank.exchange(transport, Lane::dispatch, traffic, i);
    EXPECT_EQ(transport.times_made(), concerned ? 4 : 3);
}

}  // namespace
}  // namespace epsim::test
