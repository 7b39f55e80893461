#include "app/exchange_backend.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comm/mpi_session.hpp"
#include "exchange/gpu_exchange.hpp"
#include "exchange/local/local_transport.hpp"
#include "exchange/mpi/mpi_exchange.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "exchange/plugin/plugin_transport.hpp"
#include "exchange/transport_exchange.hpp"

namespace epsim {

ExchangeBackend::ExchangeBackend(ExchangeOptions const& options, Communicator const& comm)
    : options_(options) {
    on_all_ranks(comm, [&] {
        if (options.backend == "local" && comm.size() > 1)
            throw InputError(fmt::format(
                "exchange.backend = local with {} MPI ranks (it exchanges inside one process). "
                "Use exchange.backend=mpi, or one rank",
                comm.size()));
    });
    if (options.backend == "plugin") load_plugin(comm);
}

/// Ranks on other hosts may find another file under the same path: provenance names one.
void ExchangeBackend::load_plugin(Communicator const& comm) {
    on_all_ranks(comm, [&] { plugin_.emplace(options_.plugin); });
    auto const hashes = comm.all_gather(plugin_->sha256());
    on_all_ranks(comm, [&] {
        auto const other = std::ranges::find_if_not(
            hashes, [&](std::string const& hash) { return hash == hashes.front(); });
        if (other != hashes.end())
            throw InputError(fmt::format(
                "{} is not the same file on all ranks (ranks 0 and {} differ). Install the same "
                "library on every host",
                plugin_->path(), other - hashes.begin()));
    });
}

std::string ExchangeBackend::algorithm() const {
    return plugin_ ? plugin_algorithm : options_.algorithm;
}

std::string ExchangeBackend::name() const {
    return plugin_ ? plugin_->name() + ' ' + plugin_->version() : options_.algorithm;
}

std::unique_ptr<Transport> ExchangeBackend::transport(Communicator const& comm,
                                                      std::string_view algorithm,
                                                      ClusterTopology const& topology) const {
    if (plugin_) return make_plugin_transport(*plugin_, comm, topology);
    if (options_.backend == "local") return std::move(make_local_transports(1).front());
    return make_mpi_transport(comm, algorithm, topology);
}

std::unique_ptr<Exchange> ExchangeBackend::exchange(Communicator const& comm,
                                                    std::string_view algorithm,
                                                    Placement const& placement,
                                                    ClusterTopology const& topology, Dedup dedup,
                                                    ExchangeShape const& shape) const {
    if (shape.device == DeviceKind::cuda)
        return make_gpu_exchange(options_.backend, comm, algorithm, placement, topology, dedup,
                                 shape);
    if (options_.backend == "mpi")
        return make_mpi_exchange(comm, algorithm, placement, topology, dedup, shape);
    return make_flat_exchange(transport(comm, algorithm, topology), placement, dedup, shape);
}

void ExchangeBackend::describe(RunRecord& record) const {
    if (!plugin_) return;
    auto& facts = record.provenance["exchange"];
    facts["plugin"] = plugin_->name();
    facts["plugin_version"] = plugin_->version();
    facts["plugin_path"] = plugin_->path();
    facts["plugin_sha256"] = plugin_->sha256();
}

}  // namespace epsim
