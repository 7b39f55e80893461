#pragma once

#include <functional>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace epsim {

/// How long to try things that do the same.
struct TrialEffort {
    double seconds;    ///< begin no round after these, warm-up left out
    int least_rounds;  ///< of all candidates, however long they take
    int most_rounds;
};

/// What a call of each candidate takes, s: until the last rank is done; median over rounds, in
/// which each candidate in turn is called as often as takes about a millisecond; a round begins
/// with another one than the round before. The same numbers on all ranks. Collective.
/// \param candidates collective, all; the first call of each takes what memory it needs
/// \param before_round called on every rank; may be collective and throw on all
std::vector<double> times_by_turns(std::span<std::function<void()> const> candidates,
                                   Communicator const& comm, TrialEffort effort,
                                   std::function<void()> const& before_round);

}  // namespace epsim
