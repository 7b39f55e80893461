#pragma once

#include <map>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "config/config.hpp"
#include "placement/rebalance.hpp"
#include "placement/replica_choice.hpp"
#include "trace/assignment.hpp"

namespace epsim {

/// Where a run's experts live, and what is known of it.
struct RunPlacement {
    Placement placement;                             ///< a layer each of those replayed
    std::map<std::string, std::string> facts;        ///< as provenance; on rank 0
    std::string sha256;                              ///< of placement.file; on rank 0
    std::optional<PlacementTimeline> timeline = {};  ///< where experts move
};

/// What placement.file holds for these layers, else what placement.strategy makes of the very steps
/// that are replayed; and how placement.rebalance changes it. Collective.
/// \throws CollectiveError if the file is of another model, or the strategy is not possible
RunPlacement make_run_placement(Config const& config, RoutingSource const& source,
                                std::vector<LayerId> const& layers, Assign assign,
                                ClusterTopology const& topology, Communicator const& comm);

}  // namespace epsim
