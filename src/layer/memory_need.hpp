#pragma once

#include "layer/exchange_sweep.hpp"
#include "layer/replay_case.hpp"

namespace epsim {

/// Bytes that a rank holds at once while it replays, of what grows with the model, the tokens and
/// the number of iterations. A lower bound: routing that is not balanced takes more.
struct MemoryNeed {
    double weights = 0;
    double tokens = 0;  ///< vectors and outputs, and the routing of all layers, of a step
    double rows = 0;    ///< sent and received, of both directions; more in a trial of algorithms
    double record = 0;  ///< where steps begin; on rank 0 also times and counts
    double total() const { return weights + tokens + rows + record; }
};

MemoryNeed memory_need(ReplayCase const& replay, int ranks, RankId rank);

/// The same of exchanges of rows alone: rows sent, received and handed on, and plans of the latter.
double memory_need(ExchangeCase const& exchange, RankId rank);

}  // namespace epsim
