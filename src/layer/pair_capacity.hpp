#pragma once

#include "comm/communicator.hpp"
#include "layer/replay_case.hpp"

namespace epsim {

/// Room for what any rank sends to any other in a part of a layer (algorithm padded). Collective.
/// \param rows to have room for; 0 = what routing of these tokens can need at most: those of the
///             fullest rank, and, without dedup, as many choices of each as a rank has slots
/// \throws CollectiveError if a pair of ranks needs more, or if that is more than MPI can count
Capacity pair_capacity(ReplayCase const& replay, Communicator const& comm, int64_t rows);

}  // namespace epsim
