#pragma once

#include "placement/replica_choice.hpp"

namespace epsim::test {

/// The slots of a batch's tokens in a placement's first layer, replicas in turn.
inline SlotRouting slot_routing(RoutingBatch const& routing, Placement const& placement) {
    SlotRouting slots;
    ReplicaChooser(placement, ClusterTopology::blocks(placement.ranks(), 1), RankId{0},
                   ReplicaChoice::round_robin)
        .choose(routing, LayerId{0}, slots);
    return slots;
}

}  // namespace epsim::test
