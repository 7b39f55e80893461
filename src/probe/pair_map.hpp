#pragma once

#include <functional>

#include "comm/communicator.hpp"
#include "core/heartbeat.hpp"
#include "layer/options.hpp"
#include "layer/replay.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// What the messages of a map of pairs are.
struct PairMapCase {
    int64_t small = 8, large = 4 << 20;  ///< bytes, 1 <= small < large
    MeasureOptions measure;              ///< passes, and whether messages are checked
    InjectOptions inject;  ///< of phase dispatch: of every message that the rank sends
};

/// What a rank needs beside the case.
struct PairMapEngine {
    ReplayProgress progress;
    std::function<bool()> interrupted;  ///< asked between rounds; true on any rank: stop
    Heartbeat* heartbeat = nullptr;     ///< beats with every round; nullptr = none
};

/// Time messages between all pairs of ranks. A pass is a tournament: rounds of disjoint pairs at
/// once, R - 1 or R where every pair finds cores of its own (pair_rounds()). Latency is half the
/// fastest round trip of the small message; a large one goes each way and is answered by a small
/// one, whose latency is taken off. The best of all measured passes counts: what disturbs the
/// machine for a moment meets no pair in all of them. Before that each pair swaps a large message
/// of known bytes; wrong messages are counted. Collective.
/// \return on rank 0 the record, tagged "pairs": `size` {small, large}, `link_seconds`; it lacks
///         what only the caller knows, as replay()'s. Elsewhere one with `status` and `wrong` only
/// \throws CollectiveError with ExitCode::interrupted before every pair was measured once
RunRecord measure_pairs(PairMapCase const& pairs, Communicator const& comm,
                        PairMapEngine const& engine);

}  // namespace epsim
