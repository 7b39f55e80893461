#include "comm/communicator.hpp"
#include "exchange/contract.hpp"
#include "exchange/mpi/mpi_exchange.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim::test {
namespace {

TEST(MpiExchange, KeepsTheContractOnRandomRouting) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    for (auto const& algorithm : exchange_algorithms())
        for (unsigned seed = 1; seed <= 24; ++seed) {
            auto const dedup = static_cast<Dedup>(seed % 3);
            if (dedup == Dedup::node && !forwards(algorithm)) continue;
            if (algorithm == "allgather" && dedup != Dedup::rank) continue;
            // Nodes of one rank to nodes of all.
            auto const topology = ClusterTopology::blocks(
                comm.size(), 1 + static_cast<int>(seed / 3) % std::min(comm.size(), 5));
            auto const make = [&](Placement const& placement, Dedup d, ExchangeShape const& shape) {
                return make_mpi_exchange(comm, algorithm, placement, topology, d, shape);
            };
            ContractCase{seed, comm.size(), dedup}.run(index(comm.rank()), make);
            // A rank that failed has still made all its calls: the others are not left waiting.
            ASSERT_TRUE(comm.all_agree(!HasFatalFailure())) << algorithm;
        }
}

TEST(MpiExchange, RefusesWhatItCannotDo) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const placement = linear_placement(1, 4, comm.size());
    auto const topology = ClusterTopology::blocks(comm.size(), 1);
    auto const make = [&](std::string_view algorithm, Dedup dedup) {
        make_mpi_exchange(comm, algorithm, placement, topology, dedup, {});
    };
    EXPECT_THROW(make("teleport", Dedup::none), InputError);
    EXPECT_THROW(make("alltoallv", Dedup::node), InputError);
    EXPECT_THROW(make("padded", Dedup::node), InputError);
    EXPECT_THROW(make("allgather", Dedup::node), InputError);
    EXPECT_THROW(make("allgather", Dedup::none), InputError);
}

}  // namespace
}  // namespace epsim::test
