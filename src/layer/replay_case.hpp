#pragma once

#include <string>
#include <vector>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"
#include "layer/layer_spec.hpp"
#include "layer/options.hpp"
#include "layer/overlap.hpp"
#include "placement/placement.hpp"
#include "trace/assignment.hpp"
#include "trace/routing.hpp"

namespace epsim {

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

    int steps() const { return static_cast<int>(source.info().steps()); }
    /// The model's number of the i-th replayed layer.
    int32_t layer_number(int i) const {
        return source.info()
            .layer[static_cast<std::size_t>(index(layers[static_cast<std::size_t>(i)]))];
    }
};

/// One rank's share of a step.
struct StepInput {
    StepId step{-1};
    std::vector<int64_t> tokens;        ///< counted from the step's start, ascending
    std::vector<RoutingBatch> routing;  ///< [layers]
};

/// Read a rank's share. \throws InputError on bad ids in the trace
StepInput load_step(ReplayCase const& replay, StepId step, int ranks, RankId rank);

/// Where a wrong result was seen: "step 3, layer 7, token 41 (experts 5, 9)".
std::string describe_token(ReplayCase const& replay, StepId step, int layer, int64_t token,
                           std::span<ExpertId const> experts);

}  // namespace epsim
