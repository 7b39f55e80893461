#include "exchange/mpi/mpi_transport.hpp"

#include <fmt/ranges.h>

#include "exchange/mpi/alltoall_transport.hpp"
#include "exchange/mpi/alltoallv_transport.hpp"
#include "exchange/mpi/bruck_transport.hpp"
#include "exchange/mpi/pairwise_transport.hpp"
#include "exchange/mpi/persistent_transport.hpp"
#include "exchange/mpi/ring_transport.hpp"
#include "exchange/mpi/shm_transport.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {

std::unique_ptr<Transport> make_mpi_transport(Communicator const& comm, std::string_view algorithm,
                                              ClusterTopology const& topology) {
    algorithm = hop_algorithm(algorithm);
    if (algorithm == "padded") return std::make_unique<AlltoallTransport>(comm);
    // allgather is an exchange of its own, whose rows come back like this.
    if (algorithm == "alltoallv" || algorithm == "allgather")
        return std::make_unique<AlltoallvTransport>(comm);
    if (algorithm == "ring") return std::make_unique<RingTransport>(comm);
    if (algorithm == "pairwise") return std::make_unique<PairwiseTransport>(comm);
    if (algorithm == "persistent") return std::make_unique<PersistentTransport>(comm);
    if (algorithm == "bruck") return std::make_unique<BruckTransport>(comm);
    // direct is an exchange of its own; counts and metadata travel like this.
    if (algorithm == "shm" || algorithm == "direct")
        return std::make_unique<ShmTransport>(comm, topology);
    throw InputError(
        fmt::format("exchange.algorithm = '{}' is not known over MPI (known: {}). "
                    "Choose one",
                    algorithm, fmt::join(exchange_algorithms(), ", ")));
}

}  // namespace epsim
