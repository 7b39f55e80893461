#pragma once

#include <vector>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// The rows of /ceilings. For each of ceiling_figures `<name>_rank` (one rank alone) and
/// `<name>_node` (all its ranks at once); for each class of link that was measured
/// `latency_<class>` (the smallest message) and `bandwidth_<class>` (the largest). A value is the
/// median over ranks, nodes or pairs of the best that each reached; the interval is no confidence
/// interval, but the range of all repetitions of all of them (of links: of the best of all pairs).
std::vector<SummaryRow> ceiling_rows(Calibration const& calibration,
                                     ClusterTopology const& topology);

}  // namespace epsim
