#pragma once

#include <memory>
#include <string>

#include "app/run_placement.hpp"
#include "app/trace_input.hpp"
#include "comm/communicator.hpp"
#include "config/config.hpp"
#include "layer/replay_case.hpp"

namespace epsim {

/// What a resolved configuration says is replayed, but for what moves its rows.
class ReplayInput {
public:
    /// Collective. The trace file, if there is one, must have been probed by one rank before.
    /// \throws CollectiveError if the configuration or the trace is not usable
    ReplayInput(Config const& config, Communicator const& comm);

    TraceInput const& trace() const { return trace_; }
    RunPlacement const& placement() const { return *placement_; }
    /// What is replayed beside the settings, as comments of a case's TOML: its hash covers them. On
    /// rank 0.
    std::string identity() const;
    /// Without overlap, calibration and, where it is still to be chosen, algorithm ("auto").
    ReplayCase const& replay_case() const { return *case_; }
    ReplayCase& replay_case() { return *case_; }

private:
    TraceInput trace_;
    std::unique_ptr<RunPlacement> placement_;
    std::unique_ptr<ClusterTopology> topology_;
    std::unique_ptr<ReplayCase> case_;
    std::string logits_sha256_;  // on rank 0
};

/// What would be replayed and what it takes, for --dry-run: a table.
std::string describe_replay(ReplayCase const& replay);

}  // namespace epsim
