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
        auto const transport =
            make_mpi_transport(comm, algorithm, ClusterTopology::blocks(comm.size(), 3));
        repeated_calls(*transport, comm, 7);
        ASSERT_TRUE(comm.all_agree(!testing::Test::HasFailure())) << algorithm;
    }
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
