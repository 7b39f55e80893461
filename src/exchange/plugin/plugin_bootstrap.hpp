#pragma once

#include <string>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "exchange/plugin/exchange_plugin.hpp"

namespace epsim {

/// What a plugin knows of the world, and its all-gather while it is created. Must stay where it is:
/// the plugin keeps a pointer to it.
class PluginBootstrap {
public:
    PluginBootstrap(Communicator const& comm, ClusterTopology const& topology);
    PluginBootstrap(PluginBootstrap const&) = delete;
    PluginBootstrap& operator=(PluginBootstrap const&) = delete;

    /// One rank's end of the exchange. A rank whose create fails goes on to answer the others'
    /// all-gathers, so that theirs fail too instead of waiting for ever. Collective.
    /// \throws CollectiveError with the failing rank's text, exit status 2
    void* create(ExchangePlugin const& plugin);

private:
    static int all_gather(void* self, void const* mine, std::size_t bytes, void* all);
    void throw_first(ExchangePlugin const& plugin, std::string const& problem) const;
    bool gather(void const* mine, std::size_t bytes, void* all);

    Communicator const& comm_;
    std::vector<int32_t> node_of_;
    epsim_exchange_world world_{};
    bool creating_ = false;
    bool refused_ = false;  // an all-gather failed
};

}  // namespace epsim
