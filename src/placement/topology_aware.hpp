#pragma once

#include "placement/layer_problem.hpp"

namespace epsim {

/// How much heavier topology_slots may make the heaviest rank.
inline constexpr double topology_slack = 0.05;

/// From the placement that search finds, experts move to the nodes whose tokens choose them, and
/// replicas to nodes that have none, as long as fewer assignments leave their node and the heaviest
/// rank stays within 1 + topology_slack times what it was. Where sources are unknown every node is
/// taken to choose alike.
Slots topology_slots(LayerProblem const& problem);

}  // namespace epsim
