#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace epsim {

/// What goes to and fro, bytes: at least 1 each way.
struct RoundTrip {
    int64_t there, back;
};

/// How long messages are sent to and fro.
struct PingPongOptions {
    double seconds = 0.2e-3;  ///< for each size, after the fewest round trips
    int fewest = 4;           ///< round trips of each size, beside the first, which is not timed
    /// Gets what this rank does in a round trip, send and wait for the answer, and calls it once: a
    /// known disturbance of this rank. Empty = none.
    std::function<void(std::function<void()> const& messages)> around = {};
};

/// Least time of each round trip between this rank and `partner`. Both call it.
/// \param trips `there`: from the lower rank to the higher
/// \return [trips.size()] s on the lower rank, nothing on the other
std::vector<double> round_trips(Communicator const& comm, RankId partner,
                                std::span<RoundTrip const> trips, PingPongOptions const& options);

/// Least time of a message between this rank and `partner`, one way: half the fastest round trip.
/// Both call it. \param sizes bytes, at least 1
/// \return [sizes.size()] s on the lower rank, nothing on the other
std::vector<double> ping_pong(Communicator const& comm, RankId partner,
                              std::span<int64_t const> sizes, PingPongOptions const& options);

/// Send bytes to `partner` and receive as many from it, at once. Both call it.
void swap_bytes(Communicator const& comm, RankId partner, std::span<std::byte const> send,
                std::span<std::byte> receive);

}  // namespace epsim
