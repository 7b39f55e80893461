#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/exchange_run.hpp"
#include "comm/orders.hpp"

namespace epsim {

/// A run with exchange.aggressor, wired: the first half of the ranks (the larger, of an odd number)
/// exchanges rows as in ExchangeRun, while the others load the network in every second step.
class AggressorRun {
public:
    /// Collective. \throws CollectiveError under 4 ranks, or as ExchangeRun
    AggressorRun(Config const& config, Communicator const& comm);

    std::string identity() const;
    std::string describe() const;
    void require_memory() const;  ///< collective \throws CollectiveError
    /// Collective. \return on rank 0 the record, of the ranks that exchange; elsewhere one that
    ///                     says only how many rows were wrong
    RunRecord run(ReplayProgress progress, std::function<bool()> interrupted, Heartbeat& heartbeat);
    /// Slowdowns that run() measured, on rank 0.
    std::string table(RunRecord const& record, TextStyle const& style) const;

private:
    int victims() const { return comm_.size() - comm_.size() / 2; }
    RunRecord measure(ReplayProgress progress, std::function<bool()> interrupted,
                      Heartbeat& heartbeat);

    Config const& config_;
    Communicator const& comm_;
    std::optional<Communicator> group_;  // of the ranks with this one's part
    std::unique_ptr<Orders> orders_;
    std::unique_ptr<ExchangeRun> exchange_;  // of the first half
};

}  // namespace epsim
