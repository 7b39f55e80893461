#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "exchange/exchange.hpp"
#include "layer/algorithm_choice.hpp"
#include "layer/replay_case.hpp"

namespace epsim {

/// One layer of one step.
struct TrialPlace {
    StepId step;
    int layer;  ///< of those replayed
    bool operator==(TrialPlace const&) const = default;
};

/// Which exchanges stand for all of a case: of its largest step and of the one of median size, in
/// the first layer and in the last. \param layers replayed
std::vector<TrialPlace> trial_places(TraceInfo const& info, int layers);

/// Collective. \throws InputError or CollectiveError where the algorithm cannot run
using MakeExchange = std::function<std::unique_ptr<Exchange>(std::string const& algorithm)>;

/// Try the algorithms by turns on the case's own traffic: layers without their experts, whose
/// results are zeros, in the parts that the case overlaps, but nothing beside them. What cannot be
/// made here is left out. Collective.
/// \param before_round as for times_by_turns
/// \throws CollectiveError if the trace is bad, or no candidate can be made
AlgorithmChoice try_exchanges(ReplayCase const& replay, Communicator const& comm,
                              std::vector<std::string> const& algorithms, MakeExchange const& make,
                              std::function<void()> const& before_round);

}  // namespace epsim
