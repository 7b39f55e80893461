#pragma once

#include <span>
#include <vector>

#include "comm/ping_pong.hpp"
#include "measure/array.hpp"
#include "probe/pair_rounds.hpp"

namespace epsim {

/// 8 bytes times the powers of `factor`, up to `largest`.
std::vector<int64_t> message_sizes(int64_t largest, int factor);

/// Least time of a memcpy of each size, s. What is copied stays in a cache that it fits.
/// \param budget_s time to spend on each size
std::vector<double> copy_seconds(std::span<int64_t const> sizes, double budget_s);

/// Least time of a message between the ranks of every pair, one way; the pairs of a round at the
/// same time, while ranks without a partner sleep. Collective.
/// \return [Z, R] from this rank to the higher ranks that it met, s; NaN elsewhere
Array<double, 2> message_seconds(Communicator const& comm,
                                 std::vector<std::vector<RankPair>> const& rounds,
                                 std::span<int64_t const> sizes, PingPongOptions const& options);

}  // namespace epsim
