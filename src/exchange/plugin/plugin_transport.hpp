#pragma once

#include <memory>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "exchange/plugin/exchange_plugin.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// What schedules, bounds and waits take a plugin for: what it does inside is not known.
inline constexpr char const* plugin_algorithm = "alltoallv";

/// Counts and rows through a plugin, which all ranks have loaded. Plugin and communicator must
/// outlive the transport. A call that fails throws an Error with the plugin's text, on the ranks
/// where it fails. Collective.
/// \throws CollectiveError if the plugin cannot be set up on some rank
std::unique_ptr<Transport> make_plugin_transport(ExchangePlugin const& plugin,
                                                 Communicator const& comm,
                                                 ClusterTopology const& topology);

}  // namespace epsim
