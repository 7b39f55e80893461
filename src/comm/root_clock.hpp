#pragma once

#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "measure/clock.hpp"

namespace epsim {

/// How a rank's clock stood to rank 0's when they were compared:
/// rank 0's time = own time + offset + slope (own time - t_ref), to within error at t_ref.
struct ClockEpoch {
    double t_ref = 0;   ///< s, own clock, when they were compared
    double offset = 0;  ///< s, rank 0's clock minus own
    double slope = 0;   ///< change of the offset per second of the own clock, up to the next epoch
    double error = 0;   ///< s, bound of the offset's error at t_ref
};

/// Rank 0's clock, as every rank can read it. Ranks that share a clock with rank 0 (its host) read
/// their own: offset 0 by definition. The others compare theirs by repeated exchanges and keep the
/// one with the smallest round trip (Cristian, "Probabilistic clock synchronization", 1989): the
/// true offset lies within half of it.
class RootClock {
public:
    /// The first comparison. Collective. \param domain of each rank; equal numbers share a clock
    RootClock(Communicator const& comm, Clock const& own, std::span<int const> domain);

    /// Compare again: a new epoch, which also corrects what was read since the last. Collective.
    void compare();

    /// Rank 0's clock now, s, by the last two epochs' drift.
    double now() const { return to_root(own_.now()); }
    /// A time of the own clock on rank 0's: interpolated between the epochs around it, extrapolated
    /// beyond the last.
    double to_root(double own) const noexcept;
    /// Largest error of to_root between the last two epochs, s.
    double error() const noexcept;
    std::vector<ClockEpoch> const& epochs() const noexcept { return epochs_; }

private:
    ClockEpoch measure() const;

    Communicator const& comm_;
    Clock const& own_;
    std::vector<int> domain_;
    std::vector<ClockEpoch> epochs_;
};

/// A number for each distinct host, in the order of ranks: what shares a clock. Collective.
std::vector<int> host_domains(Communicator const& comm);

}  // namespace epsim
