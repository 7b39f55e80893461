#pragma once

#include "comm/clock_sync.hpp"
#include "comm/communicator.hpp"
#include "measure/clock.hpp"

namespace epsim {

/// Lets all ranks begin at one moment of the synchronised clock (rank 0's).
class AlignedStart {
public:
    /// Collective: estimates clock offsets and how long an agreement takes.
    AlignedStart(Communicator const& comm, Clock const& clock);

    /// Agree on a moment shortly ahead and wait for it. Collective.
    /// \return that moment, s on rank 0's clock
    double wait() const;
    /// A time of this rank's clock as rank 0's clock shows it.
    double to_root(double own) const noexcept { return own + offset_.offset; }
    ClockOffset const& offset() const noexcept { return offset_; }

private:
    Communicator const& comm_;
    Clock const& clock_;
    ClockOffset offset_;
    double margin_s_;
};

}  // namespace epsim
