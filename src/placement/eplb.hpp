#pragma once

#include "placement/layer_problem.hpp"

namespace epsim {

/// Expert parallelism load balancer (github.com/deepseek-ai/EPLB, eplb.py). Hierarchical: groups
/// packed to nodes, replicas made on each node, replicas packed to its ranks; it needs groups that
/// nodes divide and nodes that are alike, and is global (one group, one node) without. With
/// Twins::allowed exactly that code's result, which may put two replicas on one rank.
Slots eplb_hierarchical(LayerProblem const& problem);
Slots eplb_global(LayerProblem const& problem);

}  // namespace epsim
