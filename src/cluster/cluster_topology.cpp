#include "cluster/cluster_topology.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace epsim {

ClusterTopology ClusterTopology::by_host(std::span<std::string const> host_of_rank) {
    ClusterTopology topology;
    std::vector<std::string> hosts;
    for (auto const& host : host_of_rank) {
        auto const at = std::ranges::find(hosts, host);
        topology.node_of_.push_back(static_cast<int>(at - hosts.begin()));
        if (at == hosts.end()) hosts.push_back(host);
    }
    topology.nodes_ = static_cast<int>(hosts.size());
    return topology;
}

ClusterTopology ClusterTopology::blocks(int ranks, int ranks_per_node) {
    check(ranks > 0 && ranks_per_node > 0, "a topology has ranks");
    ClusterTopology topology;
    for (int r = 0; r < ranks; ++r) topology.node_of_.push_back(r / ranks_per_node);
    topology.nodes_ = topology.node_of_.back() + 1;
    return topology;
}

int ClusterTopology::local_rank(RankId rank) const {
    auto const end = node_of_.begin() + index(rank);
    return static_cast<int>(std::count(node_of_.begin(), end, node_of(rank)));
}

LinkClass ClusterTopology::link(RankId from, RankId to) const {
    if (from == to) return LinkClass::self;
    return node_of(from) == node_of(to) ? LinkClass::node : LinkClass::network;
}

}  // namespace epsim
