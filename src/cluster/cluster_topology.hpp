#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"

namespace epsim {

/// [cluster]
struct ClusterOptions {
    int ranks_per_node = 0;  ///< node borders set by hand on one host; 0 = by host
};

/// What a byte crosses between two ranks.
enum class LinkClass { self, node, network };
inline constexpr std::array<std::string_view, 3> link_class_names{"self", "node", "network"};
inline constexpr std::size_t link_class_count = link_class_names.size();

/// Which node each rank lives on.
class ClusterTopology {
public:
    /// Ranks with the same host name share a node, numbered by first appearance.
    static ClusterTopology by_host(std::span<std::string const> host_of_rank);
    /// Rank r lives on node r / ranks_per_node; the last node may be smaller.
    static ClusterTopology blocks(int ranks, int ranks_per_node);

    int ranks() const noexcept { return static_cast<int>(node_of_.size()); }
    int nodes() const noexcept { return nodes_; }
    int node_of(RankId rank) const { return node_of_.at(static_cast<std::size_t>(index(rank))); }
    int local_rank(RankId rank) const;
    LinkClass link(RankId from, RankId to) const;

private:
    std::vector<int> node_of_;
    int nodes_ = 0;
};

}  // namespace epsim
