#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "exchange/exchange.hpp"
#include "exchange/exchange_shape.hpp"
#include "exchange/options.hpp"
#include "exchange/plugin/exchange_plugin.hpp"
#include "exchange/transport.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// What moves rows, as [exchange] says: MPI, this process alone, or a plugin.
class ExchangeBackend {
public:
    /// Loads the plugin. Collective over `comm`; both must outlive it.
    /// \throws CollectiveError if the backend cannot be used with these ranks, or the plugin at all
    ExchangeBackend(ExchangeOptions const& options, Communicator const& comm);

    /// Schedules, bounds and waits are those of the algorithm of this name; "auto" = not known yet.
    std::string algorithm() const;
    /// For people: the algorithm, or the plugin's name and version.
    std::string name() const;
    /// "" if there is no plugin.
    std::string plugin_sha256() const { return plugin_ ? plugin_->sha256() : ""; }

    // Collective over `comm`, which must outlive what is made, as must this. The algorithm counts
    // with MPI only.
    std::unique_ptr<Transport> transport(Communicator const& comm, std::string_view algorithm,
                                         ClusterTopology const& topology) const;
    /// \throws InputError if the algorithm cannot share rows that way
    std::unique_ptr<Exchange> exchange(Communicator const& comm, std::string_view algorithm,
                                       Placement const& placement, ClusterTopology const& topology,
                                       Dedup dedup, ExchangeShape const& shape) const;

    /// Provenance of the plugin, if there is one.
    void describe(RunRecord& record) const;

private:
    void load_plugin(Communicator const& comm);

    ExchangeOptions const& options_;
    std::optional<ExchangePlugin> plugin_;
};

}  // namespace epsim
