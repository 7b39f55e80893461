#pragma once

#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace epsim {

/// How long messages are sent to and fro.
struct PingPongOptions {
    double seconds = 0.2e-3;  ///< for each size, after the fewest round trips
    int fewest = 4;           ///< round trips of each size
};

/// Least time of a message between this rank and `partner`, one way: half the fastest round trip.
/// Both call it. \param sizes bytes, at least 1
/// \return [sizes.size()] s on the lower rank, nothing on the other
std::vector<double> ping_pong(Communicator const& comm, RankId partner,
                              std::span<int64_t const> sizes, PingPongOptions const& options);

}  // namespace epsim
