#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/exchange_backend.hpp"
#include "app/gpu_choice.hpp"
#include "app/replay_input.hpp"
#include "comm/communicator.hpp"
#include "config/config.hpp"
#include "layer/algorithm_choice.hpp"
#include "layer/replay.hpp"

namespace epsim {

/// One case of `epsim run`, wired: everything a rank needs from a resolved configuration.
class RunCase {
public:
    /// Collective. The trace file, if there is one, must have been probed by one rank before.
    /// \throws CollectiveError if the configuration or the trace is not usable
    RunCase(Config const& config, Communicator const& comm);
    ~RunCase();

    ReplayInput const& input() const { return input_; }
    /// The plugin's SHA-256, "" if there is no plugin.
    std::string plugin_sha256() const { return backend_.plugin_sha256(); }
    /// What would be replayed and what it takes, for --dry-run: a table. Runs nothing.
    std::string describe() const { return describe_replay(case_); }
    /// Refuse what does not fit into the memory that is left, before anything is made. Collective.
    /// \throws CollectiveError
    void require_memory() const;
    /// Choose the exchange if that is left to a trial, make weights, replay, and fill in what only
    /// the case knows (provenance, topology, kind, tags). Collective.
    /// \return on rank 0 the record, elsewhere an empty one
    /// \param interrupted asked between iterations on every rank: stop there, keep what there is
    RunRecord run(ReplayProgress progress, std::function<bool()> interrupted, Heartbeat& heartbeat);

private:
    std::vector<std::vector<WeightKey>> weight_keys() const;
    Overlap overlap() const;  ///< collective
    void use_gpu();           ///< collective
    std::string kernel() const;
    /// Collective.
    std::unique_ptr<Exchange> make_exchange(Communicator const& channel,
                                            std::string_view algorithm) const;
    void choose_exchange(std::function<bool()> const& interrupted, Heartbeat& heartbeat);
    void make_exchanges();  ///< collective
    void describe(RunRecord& record) const;
    void describe_exchange(RunRecord& record) const;

    Config const& config_;
    Communicator const& comm_;
    ExchangeBackend backend_;
    ReplayInput input_;
    ReplayCase& case_;
    std::optional<GpuChoice> gpu_;
    std::optional<AlgorithmChoice> choice_;             // where the algorithm was left to it
    std::vector<Communicator> channels_;                // one a part, so that messages cannot mix
    std::vector<std::unique_ptr<Exchange>> exchanges_;  // on channels_
};

}  // namespace epsim
