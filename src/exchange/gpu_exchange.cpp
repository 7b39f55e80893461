#include "exchange/gpu_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "exchange/nccl/nccl_transport.hpp"
#include "exchange/staged_transport.hpp"
#include "exchange/transport_exchange.hpp"
#include "schedule/exchange_routes.hpp"

namespace epsim {
namespace {

constexpr std::array nccl_algorithms{"alltoallv", "padded", "hierarchical", "rail"};

void require_algorithm(std::string_view backend, std::string_view algorithm) {
    if (backend == "nccl" && std::ranges::find(nccl_algorithms, algorithm) == nccl_algorithms.end())
        throw InputError(fmt::format(
            "exchange.algorithm = {} with exchange.backend = nccl (known: alltoallv, padded, "
            "hierarchical, rail). Choose one of them",
            algorithm));
    if (algorithm == "direct" || algorithm == "allgather")
        throw InputError(fmt::format(
            "exchange.algorithm = {} with compute.device = cuda (its rows are the host's). Use "
            "another algorithm",
            algorithm));
}

}  // namespace

std::unique_ptr<Exchange> make_gpu_exchange(std::string_view backend, Communicator const& comm,
                                            std::string_view algorithm, Placement const& placement,
                                            ClusterTopology const& topology, Dedup dedup,
                                            ExchangeShape const& shape) {
    require_algorithm(backend, algorithm);
    auto routes = exchange_routes(algorithm, placement, topology, dedup, comm.rank());
    bool const padded = algorithm == "padded";
    if (padded) routes.front().capacity = shape.capacity;
    std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport>)> wrap =
        make_staged_transport;
    if (backend == "nccl") wrap = nccl_transports(comm, padded);
    std::vector<std::unique_ptr<Transport>> transports;
    for (std::size_t hop = 0; hop < routes.size(); ++hop)
        transports.push_back(backend == "local"
                                 ? make_staying_transport()
                                 : wrap(make_mpi_transport(comm, algorithm, topology)));
    return std::make_unique<TransportExchange>(std::move(transports), std::move(routes), shape);
}

}  // namespace epsim
