#pragma once

#include "comm/communicator.hpp"
#include "comm/root_clock.hpp"

namespace epsim {

/// Lets all ranks begin at one moment of the synchronised clock (rank 0's), each to within the
/// error of its extrapolated clock: RootClock::error, which grows until clocks are compared again.
class AlignedStart {
public:
    /// Collective: measures how long an agreement takes.
    AlignedStart(Communicator const& comm, RootClock const& clock);

    /// Agree on a moment shortly ahead and wait for it. Collective.
    /// \return that moment, s on rank 0's clock
    double wait();
    /// That this rank learnt of the last moment only after it: its start was late.
    bool late() const noexcept { return late_; }
    /// Leave more time from now on. The same call on all ranks.
    void widen() noexcept;

private:
    Communicator const& comm_;
    RootClock const& clock_;
    double margin_s_;
    bool late_ = false;
};

}  // namespace epsim
