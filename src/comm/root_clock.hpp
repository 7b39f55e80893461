#pragma once

#include <span>
#include <vector>

#include "comm/clock_fit.hpp"
#include "comm/communicator.hpp"
#include "measure/clock.hpp"

namespace epsim {

/// Rank 0's clock, as every rank can read it. Ranks of one domain (host) share a clock: they hold
/// the same epochs as its lowest rank, their leader, and in rank 0's domain offset and error are 0
/// by definition. The other leaders compare clocks in a binomial tree, ceil(log2 domains) rounds in
/// which every domain that knows rank 0's clock teaches one that does not; offsets and errors add
/// up along it (Hunold and Carpen-Amarie, "Hierarchical clock synchronization in MPI", IEEE CLUSTER
/// 2018). A comparison is the exchange with the smallest round trip of several: the true offset
/// lies within half of it (Cristian, "Probabilistic clock synchronization", Distributed Computing
/// 3, 1989).
class RootClock {
public:
    /// The first comparison. Collective. References must outlive it.
    /// \param domain [R] equal numbers share a clock
    RootClock(Communicator const& comm, Clock const& own, std::span<int const> domain,
              DriftBounds const& bounds = {});

    /// Compare again: a new epoch, which also corrects what was read since the last. Collective.
    void compare();

    /// Rank 0's clock now, s, extrapolated from the last epoch.
    double now() const { return fit_.to_root(own_.now()); }
    /// A time of the own clock on rank 0's, and the bound of its error, s: see ClockFit.
    double to_root(double own) const noexcept { return fit_.to_root(own); }
    double error(double own) const noexcept { return fit_.error(own); }
    ClockFit const& fit() const noexcept { return fit_; }

private:
    void ask(int teacher);
    void answer(int pupil) const;
    void share_epoch();
    bool in_root_domain() const noexcept { return place_ == 0; }

    Communicator const& comm_;
    Clock const& own_;
    std::vector<int> leaders_;  ///< [domains] lowest rank of each, in order of these
    std::vector<int> members_;  ///< the other ranks of this rank's domain
    int place_ = 0;             ///< of this rank's domain in leaders_
    DriftBounds bounds_;
    ClockFit fit_;
};

/// A number for each distinct host, in the order of ranks: what shares a clock. Collective.
std::vector<int> host_domains(Communicator const& comm);

}  // namespace epsim
