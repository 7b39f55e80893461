#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// What a token's assignments share on the wire.
enum class Dedup {
    none,  ///< nothing: a row an assignment
    rank,  ///< a row for each rank that hosts any of the token's slots
    node   ///< a row for each node between nodes, for each rank inside
};
inline constexpr std::array<std::string_view, 3> dedup_names{"none", "rank", "node"};
constexpr std::string_view name_of(Dedup dedup) noexcept {
    return dedup_names[static_cast<std::size_t>(dedup)];
}
/// \throws InputError naming the choices
Dedup dedup_from(std::string_view name);

/// Room that a rank has for the rows of each rank, whatever comes: nobody needs to tell how many
/// there are. rows = 0: there is none, and counts travel.
struct Capacity {
    int64_t rows = 0;         ///< from each rank; those that are missing are padding
    int64_t row_entries = 0;  ///< of a row, at most

    bool exists() const noexcept { return rows > 0; }
    int64_t entries() const noexcept { return rows * row_entries; }
};

/// How one hop groups and sends a rank's items (tokens, or rows that arrived by the hop before).
/// Keys are slots, ranks or nodes; a key's rows have one target, and keys ascend with it.
struct Route {
    std::vector<int32_t> key_of_slot;    ///< [slots]
    std::vector<int32_t> target_offset;  ///< [R + 1] first key that goes to each rank
    bool merge = false;      ///< an item's entries of one key share a row; else a row an entry
    Capacity capacity = {};  ///< every target gets this many rows, if it exists
};

/// The hops from tokens to the ranks of their slots, as `mine` takes part in them.
using Routes = std::vector<Route>;

/// One hop, straight there. \throws InputError for Dedup::node, which needs ranks that forward
Routes flat_routes(Placement const& placement, Dedup dedup);

/// Two hops: to the rank of the destination's node that has the sender's place in its own (modulo
/// the size of the node), then inside the node.
Routes rail_routes(Placement const& placement, ClusterTopology const& topology, Dedup dedup,
                   RankId mine);

/// Three hops: to the first rank of the own node, from there to the first rank of the destination's
/// node, then inside.
Routes hierarchical_routes(Placement const& placement, ClusterTopology const& topology, Dedup dedup,
                           RankId mine);

}  // namespace epsim
