#pragma once

#include "comm/communicator.hpp"
#include "measure/clock.hpp"

namespace epsim {

/// How this rank's clock stands to rank 0's: rank 0's time = own time + offset, to within error.
struct ClockOffset {
    double t_ref;   ///< s, own clock, when it was estimated
    double offset;  ///< s
    double error;   ///< s, half the smallest round trip; 0 on rank 0's host, where clocks are one
};

/// Estimate by repeated exchanges with rank 0, keeping the one with the smallest round trip
/// (Cristian 1989). Ranks on rank 0's host share its clock by definition. Collective.
ClockOffset synchronise_clock(Communicator const& comm, Clock const& clock, bool on_root_host);

}  // namespace epsim
