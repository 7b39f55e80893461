#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "app/exchange_backend.hpp"
#include "layer/algorithm_choice.hpp"
#include "layer/exchange_sweep.hpp"

namespace epsim {

/// What moves the rows of an exchange-only run, as its backend and algorithm say.
class ExchangeMovers {
public:
    /// Choose by a trial where the algorithm is auto: sets exchange.step_algorithm. Collective;
    /// backend and communicator must outlive it. \param before_round as for times_by_turns
    ExchangeMovers(ExchangeBackend const& backend, Communicator const& comm, ExchangeCase& exchange,
                   std::function<void()> const& before_round);

    std::vector<RowMover*> const& of_step() const { return of_step_; }  ///< [S]
    /// What a trial said, if there was one.
    void describe(RunRecord& record) const;

private:
    void forward(ExchangeBackend const& backend, Communicator const& comm,
                 ExchangeCase const& exchange);
    void add(ExchangeBackend const& backend, Communicator const& comm, ExchangeCase const& exchange,
             std::string const& algorithm);
    void choose(ExchangeBackend const& backend, Communicator const& comm, ExchangeCase& exchange,
                std::function<void()> const& before_round);

    std::vector<std::unique_ptr<Transport>> transports_;
    std::vector<std::unique_ptr<RowMover>> movers_;
    std::vector<RowMover*> of_step_;
    std::vector<AlgorithmChoice> choice_;
    std::vector<std::string> left_out_;
};

}  // namespace epsim
