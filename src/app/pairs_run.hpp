#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cluster/cluster_topology.hpp"
#include "config/config.hpp"
#include "probe/pair_map.hpp"
#include "report/text_style.hpp"

namespace epsim {

/// A run with measure.pairs, wired: messages between all pairs of ranks.
class PairsRun {
public:
    /// Collective. \throws CollectiveError if there is no pair, or sizes are none of messages
    PairsRun(Config const& config, Communicator const& comm);

    /// What makes the case beside its settings, as comments of its TOML.
    std::string identity() const;
    /// Messages and how many, for --dry-run.
    std::string describe() const;
    /// Refuse what does not fit into the memory that is left. Collective. \throws CollectiveError
    void require_memory() const;
    /// Collective. \return on rank 0 the record; elsewhere one that says only what was wrong
    RunRecord run(ReplayProgress progress, std::function<bool()> interrupted, Heartbeat& heartbeat);
    /// What run() measured, on rank 0.
    std::string table(RunRecord const& record, TextStyle const& style) const;

private:
    Communicator const& comm_;
    int threads_;  // as configured, of a rank
    std::unique_ptr<ClusterTopology> topology_;
    PairMapCase case_;
};

}  // namespace epsim
