#pragma once

#include <string>

#include "placement/replica_choice.hpp"
#include "placement/strategy.hpp"

namespace epsim {

/// [placement]
struct PlacementOptions {
    Strategy strategy = Strategy::linear;
    std::string file;         ///< a placement file; empty = by strategy
    int redundant_slots = 0;  ///< beside one an expert, over all ranks
    ReplicaChoice replica_choice = ReplicaChoice::round_robin;
};

}  // namespace epsim
