#pragma once

#include <memory>
#include <string>

#include "app/exchange_backend.hpp"
#include "app/replay_input.hpp"
#include "layer/exchange_sweep.hpp"
#include "report/text_style.hpp"
#include "schedule/traffic_matrix.hpp"

namespace epsim {

/// A run with measure.exchange_only, wired: exchanges of rows alone, size by size.
class ExchangeRun {
public:
    /// Collective. \throws CollectiveError if the configuration, the trace or the matrix is not
    ///                     usable, or the algorithm moves no rows alone
    ExchangeRun(Config const& config, Communicator const& comm);

    /// What makes the case beside its settings, as comments of its TOML; on rank 0.
    std::string identity() const { return identity_; }
    /// Sizes and bytes, for --dry-run.
    std::string describe() const;
    /// Refuse what does not fit into the memory that is left. Collective. \throws CollectiveError
    void require_memory() const;
    /// Collective. \return on rank 0 the record; elsewhere one that says only how many rows were
    ///                     wrong
    /// \param set_load of exchange.aggressor: see ExchangeEngine
    RunRecord run(ReplayProgress progress, std::function<bool()> interrupted, Heartbeat& heartbeat,
                  std::function<void(bool)> set_load = {});
    /// The table of what run() measured, on rank 0.
    std::string table(RunRecord const& record, TextStyle const& style) const;

private:
    void read_rows();
    void scale(TrafficMatrix const& traffic);
    void check_rows() const;
    void check_settings() const;
    double most_bytes() const;  ///< of the busiest rank in the largest exchange

    Config const& config_;
    Communicator const& comm_;
    ExchangeBackend backend_;
    std::unique_ptr<ReplayInput> recorded_;  // where the traffic is that of a trace or generator
    std::unique_ptr<ClusterTopology> topology_;
    std::unique_ptr<ExchangeCase> case_;
    std::string identity_;
    std::vector<int64_t> wrong_;  // [S]
};

}  // namespace epsim
