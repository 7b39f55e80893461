#pragma once

#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "config/config.hpp"
#include "exchange/plugin/exchange_plugin.hpp"
#include "exchange/transport.hpp"
#include "layer/layer_spec.hpp"
#include "layer/replay.hpp"
#include "layer/replay_case.hpp"
#include "store/trace_file.hpp"

namespace epsim {

/// One case of `epsim run`, wired: everything a rank needs from a resolved configuration.
class RunCase {
public:
    /// Collective. The trace file, if there is one, must have been probed by one rank before.
    /// \throws CollectiveError if the configuration or the trace is not usable
    RunCase(Config const& config, Communicator const& comm);
    ~RunCase();

    /// The trace's SHA-256, "" if there is no trace; on rank 0.
    std::string trace_sha256() const;
    /// The plugin's SHA-256, "" if there is no plugin.
    std::string plugin_sha256() const { return plugin_ ? plugin_->sha256() : ""; }
    ReplayCase const& replay_case() const { return *case_; }
    /// What would be replayed and what it takes, for --dry-run: a table. Runs nothing.
    std::string describe() const;
    /// Refuse what does not fit into the memory that is left, before anything is made. Collective.
    /// \throws CollectiveError
    void require_memory() const;
    /// Make weights, replay, and fill in what only the case knows (provenance, topology, kind,
    /// tags). Collective. \return on rank 0 the record, elsewhere an empty one
    /// \param interrupted asked between iterations on every rank: stop there, keep what there is
    RunRecord run(ReplayProgress progress, std::function<bool()> interrupted, Heartbeat& heartbeat);

private:
    void open_source();
    void note_hash(TraceFile const& file);
    void check_source() const;
    void load_plugin();
    int64_t weight_bytes() const;  ///< of the fullest rank
    std::vector<std::vector<WeightKey>> weight_keys() const;
    Overlap overlap() const;  ///< collective
    void make_exchanges();    ///< collective
    void describe(RunRecord& record) const;

    Config const& config_;
    Communicator const& comm_;
    std::unique_ptr<RoutingSource const> source_;
    std::map<std::string, std::string> trace_provenance_;
    std::optional<ExchangePlugin> plugin_;
    LayerSpec spec_;
    std::unique_ptr<Placement> placement_;
    std::unique_ptr<ClusterTopology> topology_;
    std::unique_ptr<ReplayCase> case_;
    std::vector<Communicator> channels_;                // one a part, so that messages cannot mix
    std::vector<std::unique_ptr<Exchange>> exchanges_;  // on channels_
};

}  // namespace epsim
