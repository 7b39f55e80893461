#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layer/algorithm_choice.hpp"
#include "layer/exchange_sweep.hpp"

namespace epsim {

/// Try what moves rows by turns on every step (size) of a case, briefly. Collective.
/// \param mover of each algorithm   \param before_round as for times_by_turns
/// \return [S]
std::vector<AlgorithmChoice> try_movers(ExchangeCase const& exchange, Communicator const& comm,
                                        std::vector<std::string> const& algorithms,
                                        std::vector<std::unique_ptr<RowMover>> const& movers,
                                        std::function<void()> const& before_round);

}  // namespace epsim
