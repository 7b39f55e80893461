#pragma once

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "probe/options.hpp"

namespace epsim {

/// Measure what this machine can do. Collective.
///
/// Ceilings are the best of some repetitions: a ceiling is the best that was seen. A rank is
/// measured alone while the other ranks of its host sleep; hosts side by side. Then the ranks of a
/// node run at once, in windows of time that they agreed on before, each rate counted from the
/// window's begin and summed; nodes that share a host take turns. A node's ceiling is no less than
/// that of one of its ranks alone. A message's time is half of the fastest round trip; pairs take
/// turns as in pair_rounds(), of all pairs up to 64 ranks (16 for `quick` where a host has more
/// ranks than cores); a rank's message to itself is a memcpy.
/// \param threads of this rank's kernels
/// \return on rank 0 the calibration, elsewhere an empty one
Calibration calibrate(ProbeOptions const& options, Communicator const& comm,
                      ClusterTopology const& topology, int threads);

}  // namespace epsim
