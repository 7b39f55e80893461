#pragma once

#include <vector>

#include "comm/communicator.hpp"
#include "layer/replay_case.hpp"

namespace epsim {

/// Rows that a replay dispatches straight to their experts' ranks: [S][L] of [source, destination],
/// the same on every rank. Collective. \throws CollectiveError if the trace is bad
std::vector<std::vector<Array<int64_t, 2>>> recorded_rows(ReplayCase const& replay,
                                                          Communicator const& comm);

}  // namespace epsim
