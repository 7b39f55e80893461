#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "comm/communicator.hpp"
#include "comm/turns.hpp"
#include "core/heartbeat.hpp"
#include "exchange/exchange.hpp"
#include "layer/local_networks.hpp"
#include "layer/replay_case.hpp"
#include "measure/clock.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// Called on rank 0 between iterations: what is being done, how many are done, of how many.
using ReplayProgress = std::function<void(std::string_view stage, int64_t done, int64_t total)>;

/// What a rank replays with. All must outlive the replay.
struct ReplayEngine {
    std::span<Exchange* const> exchanges;  ///< one a part of a rank's tokens (overlap.parts())
    ExpertKernel& experts;                 ///< not used where they are emulated
    LocalNetworks& local;
    Clock const& clock;
    ReplayProgress progress;
    /// Asked between steps and between iterations; true on any rank: stop.
    std::function<bool()> interrupted;
    Heartbeat* heartbeat = nullptr;      ///< beats with every layer of every step; nullptr = none
    Turns* turns = nullptr;              ///< with other runs; nullptr = none
    bool oversubscribed = false;         ///< ranks or their threads share cores
    std::vector<int> clock_domain = {};  ///< [R] equal numbers share `clock`; empty = by host
};

/// The measurement: an untimed survey (load, traffic, identity of every row), an untimed
/// verification of values against the oracle, then warm-up and measured passes. A pass replays
/// every step once; an iteration is one step, from a start that all ranks agree on to the latest
/// end, without a barrier between layers. Reading the trace and making token vectors happen between
/// iterations, outside the timing. Collective.
/// \return on rank 0 the record, but for what only the caller knows (config, provenance, topology,
///         kind, summary); elsewhere an empty one
/// \throws CollectiveError with ExitCode::verification_failed naming step, layer, token, experts,
///         or ExitCode::usage if the trace is bad, or ExitCode::interrupted if it was interrupted
///         before the passes: nothing is measured then
RunRecord replay(ReplayCase const& replay, Communicator const& comm, ReplayEngine const& engine);

}  // namespace epsim
