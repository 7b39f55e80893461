#pragma once

#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/root_clock.hpp"
#include "measure/phase_recorder.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// Intervals that a record holds at most; later iterations leave none behind.
inline constexpr int64_t most_events = 4'000'000;

/// When each part of a step's tokens was in each phase, in steps of several parts; and how long
/// phases took in passes without overlap. Taking stamps does not allocate.
class PartTimes {
public:
    /// \param iterations of a pass, at most. References must outlive it.
    PartTimes(PhaseRecorder const& recorder, Communicator const& comm, int64_t iterations);

    /// Keep the intervals of the recorder's iteration.
    void take();
    /// Forget what was taken.
    void clear();
    /// Collective. Rank 0 makes events of what was taken, and forgets it.
    /// \param first the number of the first iteration taken   \param origin s on rank 0's clock
    void gather_events(int64_t first, RootClock const& clock, double origin);
    /// Collective. Rank 0 gets the sums over parts of what was taken, a pass without overlap.
    void gather_sums(bool kept);

    /// On rank 0: fill events and sequential_phase (medians over passes). \param steps of a pass
    void fill(RunRecord& record, int64_t steps);

private:
    PhaseRecorder const& recorder_;
    Communicator const& comm_;
    std::vector<double> begins_, ends_;  // [taken, L, P, parts], on this rank's clock
    std::vector<Event> events_;
    std::vector<std::vector<double>> sums_;  // of each pass: [R, taken, L, P]
};

}  // namespace epsim
