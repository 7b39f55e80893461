#pragma once

#include <span>
#include <vector>

#include "measure/array.hpp"
#include "placement/replica_choice.hpp"

namespace epsim {

/// What a placement makes of one layer's assignments, expected: those to an expert are spread
/// equally over the replicas that the choice lets them go to.
struct LayerLoads {
    std::vector<double> expert, rank, node;  ///< [E], [R], [N] assignments
    double off_rank = 0, off_node = 0;       ///< assignments that leave their token's rank, node
};

/// \param source_load [R, E] assignments of each rank's tokens
LayerLoads layer_loads(Placement const& placement, LayerId layer,
                       Array<double, 2> const& source_load, ClusterTopology const& topology,
                       ReplicaChoice choice);

/// Every rank's tokens take an equal part of each expert's load. [R, E]
Array<double, 2> even_sources(std::span<double const> load, int ranks);

/// Of one layer, or of several after one another.
struct PlacementFigures {
    double expert, rank, node;  ///< max / mean; of layers: sum of max / sum of mean
    double off_rank, off_node;  ///< assignments that leave their token's rank, node
    double assignments;
    double balancedness() const { return 1 / rank; }  ///< mean / max over ranks
};
PlacementFigures figures_of(std::span<LayerLoads const> layers);

}  // namespace epsim
