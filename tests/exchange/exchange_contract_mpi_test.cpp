#include "comm/communicator.hpp"
#include "exchange/contract.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim::test {
namespace {

TEST(MpiExchange, KeepsTheContractOnRandomRouting) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    for (auto const& algorithm : exchange_algorithms())
        for (unsigned seed = 1; seed <= 40; ++seed) {
            ContractCase{seed, comm.size()}.run(index(comm.rank()),
                                                make_mpi_transport(comm, algorithm));
            // A rank that failed has still made all its calls: the others are not left waiting.
            ASSERT_TRUE(comm.all_agree(!HasFatalFailure())) << algorithm;
        }
    EXPECT_THROW(make_mpi_transport(comm, "teleport"), InputError);
}

}  // namespace
}  // namespace epsim::test
