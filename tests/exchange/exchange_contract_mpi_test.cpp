#include "comm/communicator.hpp"
#include "exchange/contract.hpp"
#include "exchange/mpi/mpi_transport.hpp"

namespace epsim::test {
namespace {

TEST(MpiExchange, KeepsTheContractOnRandomRouting) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    for (unsigned seed = 1; seed <= 40; ++seed) {
        ContractCase{seed, comm.size()}.run(index(comm.rank()), make_mpi_transport(comm));
        // A rank that failed has still made all its calls: the others are not left waiting.
        ASSERT_TRUE(comm.all_agree(!HasFatalFailure()));
    }
}

}  // namespace
}  // namespace epsim::test
