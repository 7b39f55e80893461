#pragma once

#include <string>

#include "cluster/cluster_topology.hpp"
#include "compute/options.hpp"
#include "exchange/options.hpp"
#include "gate/options.hpp"
#include "layer/options.hpp"
#include "model/model_shape.hpp"
#include "model/options.hpp"
#include "placement/options.hpp"
#include "trace/options.hpp"

namespace epsim {

/// Everything that a run is told: what a TOML file, a preset and flags set, in one value.
struct Config {
    std::string name = "custom";  ///< for run directories: the file's stem, else the preset
    ModelShape shape;             ///< of a resolved Config: with model.scale applied
    std::string distortion;       ///< how the shape differs from its preset's, beside the hidden
                                  ///< size: "top_k 4 instead of 8 (x 0.5)"; empty = not
    ModelOptions model;
    RoutingOptions routing;
    GateOptions gate;  ///< [routing] too
    TokenOptions tokens;
    PlacementOptions placement;
    ExchangeOptions exchange;
    ComputeOptions compute;
    StepOptions step;
    MeasureOptions measure;
    SizeOptions sizes;
    InjectOptions inject;
    ClusterOptions cluster;
    /// Whether a gate says which experts tokens go to: neither a trace nor a generator does.
    bool gate_decides() const {
        return gate.gate != GateKind::none && routing.trace.empty() && routing.generator.empty();
    }
    std::string output_dir;  ///< the run directory; empty = runs/<time>-<name>
};

}  // namespace epsim
