#pragma once

#include <string>
#include <vector>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"
#include "gate/gate.hpp"
#include "layer/layer_spec.hpp"
#include "layer/options.hpp"
#include "layer/overlap.hpp"
#include "placement/rebalance.hpp"
#include "placement/replica_choice.hpp"
#include "trace/assignment.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// What happens in Phase::gate.
struct RouterRule {
    GateRule gate = {};
    OverflowRule overflow = {};
    bool decides = false;  ///< the gate says which experts; false: the source does, whatever runs

    bool runs() const noexcept {
        return gate.kind != GateKind::none || overflow.capacity.policy != CapacityPolicy::none;
    }
};

/// What is replayed, the same on every rank. References must outlive it.
struct ReplayCase {
    LayerSpec spec;
    RoutingSource const& source;
    std::vector<LayerId> layers;  ///< replayed: positions in the source's layers
    Assign assign;
    Placement const& placement;  ///< a layer each, in the order of `layers`
    ClusterTopology const& topology;
    std::string algorithm =
        "alltoallv";  ///< of the exchange, for its schedule; "auto" until one is chosen
    MeasureOptions measure;
    InjectOptions inject;
    Calibration calibration;  ///< empty = not measured
    Overlap overlap = {};
    double emulate_us = 0;   ///< a layer's experts take this time a rank, uncomputed; 0 = computed
    Capacity capacity = {};  ///< of algorithm padded: for a part of a layer
    RouterRule router = {};
    ReplicaChoice replica_choice = ReplicaChoice::round_robin;
    PlacementTimeline const* timeline = nullptr;  ///< begins with `placement`; nullptr = it stays
    RebalanceMode rebalance_mode = RebalanceMode::stop;

    Placement const& placement_at(int step) const {
        return timeline ? timeline->at(step) : placement;
    }
    /// Of the tokens of a rank, in the first placement.
    ReplicaChooser replicas(RankId rank) const {
        return {placement, topology, rank, replica_choice};
    }
    int steps() const { return static_cast<int>(source.info().steps()); }
    /// Choices of a token in each layer's routing.
    int choices() const { return router.decides ? router.gate.choices() : source.info().top_k; }
    /// The model's number of the i-th replayed layer.
    int32_t layer_number(int i) const {
        return source.info()
            .layer[static_cast<std::size_t>(index(layers[static_cast<std::size_t>(i)]))];
    }
};

/// What a router needs of a rank's tokens beside their vectors.
struct RouterInput {
    std::vector<RoutingBatch> given = {};     ///< [layers] the source's; empty: the gate decides
    std::vector<int32_t> source = {};         ///< [T] declared source
    std::vector<int64_t> source_tokens = {};  ///< [sources] over all ranks
    std::vector<int32_t> token_id = {};       ///< [T] of a hash gate
    std::vector<std::vector<float>> logits = {};  ///< [layers][T, E] those that are not computed
};

/// One rank's share of a step.
struct StepInput {
    StepId step{-1};
    std::vector<int64_t> tokens;        ///< counted from the step's start, ascending
    std::vector<RoutingBatch> routing;  ///< [layers]; with a router, once it has run
    RouterInput router = {};
};

/// Read a rank's share; with a gate that decides, without routing.
/// \throws InputError on bad ids in the trace
StepInput load_step(ReplayCase const& replay, StepId step, int ranks, RankId rank);

/// Where a wrong result was seen: "step 3, layer 7, token 41 (experts 5, 9)".
std::string describe_token(ReplayCase const& replay, StepId step, int layer, int64_t token,
                           std::span<ExpertId const> experts);

}  // namespace epsim
