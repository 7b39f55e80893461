#pragma once

#include <span>
#include <utility>
#include <vector>

#include "core/ids.hpp"

namespace epsim {

/// Two ranks that send each other messages; first < second.
using RankPair = std::pair<RankId, RankId>;

/// Pairs of distinct ranks in rounds. In a round no rank stands twice, and no host has more than
/// `pairs_at_once` pairs. Up to `all_up_to` ranks every pair stands in one round: a tournament by
/// the circle method, R - 1 rounds for an even R. Above, only the pairs of `all_up_to` - 1 of these
/// rounds, spread evenly over them: every rank meets about as many others, on every host.
/// \param host_of_rank [R] ranks with the same number share a host
/// \param pairs_at_once of each host, at least 1
std::vector<std::vector<RankPair>> pair_rounds(std::span<int const> host_of_rank,
                                               std::span<int const> pairs_at_once,
                                               int all_up_to = 64);

}  // namespace epsim
