#include "exchange/mpi/mpi_exchange.hpp"

#include "exchange/mpi/allgather_exchange.hpp"
#include "exchange/mpi/direct_exchange.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "exchange/transport_exchange.hpp"
#include "schedule/exchange_routes.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {

std::unique_ptr<Exchange> make_mpi_exchange(Communicator const& comm, std::string_view algorithm,
                                            Placement const& placement,
                                            ClusterTopology const& topology, Dedup dedup,
                                            ExchangeShape const& shape) {
    auto routes = exchange_routes(algorithm, placement, topology, dedup, comm.rank());
    if (algorithm == "direct")
        return std::make_unique<DirectExchange>(comm, topology, std::move(routes), shape);
    if (algorithm == "allgather")
        return std::make_unique<AllgatherExchange>(comm, std::move(routes), shape);
    if (algorithm == "padded") {
        check(shape.capacity.exists(), "padded rows have a capacity");
        routes.front().capacity = shape.capacity;
    }
    std::vector<std::unique_ptr<Transport>> transports;
    for (std::size_t hop = 0; hop < routes.size(); ++hop)
        transports.push_back(make_mpi_transport(comm, algorithm, topology));
    return std::make_unique<TransportExchange>(std::move(transports), std::move(routes), shape);
}

}  // namespace epsim
