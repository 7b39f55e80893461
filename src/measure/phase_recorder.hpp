#pragma once

#include <limits>
#include <span>

#include "measure/array.hpp"
#include "measure/clock.hpp"
#include "measure/phase.hpp"

namespace epsim {

/// One rank's phase intervals: [layer, phase] of the running iteration, on `clock`. A phase that
/// did not run stays NaN. A phase begins where the one before ended, with one reading of the clock
/// for both: readings are what stamps cost. Stamping never allocates.
class PhaseRecorder {
public:
    PhaseRecorder(Clock const& clock, int64_t layers)
        : clock_(clock), start_({layers, phase_count}, nan), end_({layers, phase_count}, nan) {}

    void begin_iteration() noexcept {
        std::ranges::fill(start_.flat(), nan);
        std::ranges::fill(end_.flat(), nan);
    }
    /// What follows is of this layer. Its first phase begins now.
    void begin_layer(int64_t layer) {
        layer_ = layer;
        skip();
    }
    /// What was done since the last phase is of none: the next begins now.
    void skip() { last_ = clock_.now(); }

    /// Run `work` as one interval of `phase`.
    template <class Work>
    void time(Phase phase, Work&& work) {
        start_(layer_, static_cast<int64_t>(phase)) = last_;
        work();
        last_ = clock_.now();
        end_(layer_, static_cast<int64_t>(phase)) = last_;
    }

    Array<double, 2> const& start() const noexcept { return start_; }
    Array<double, 2> const& end() const noexcept { return end_; }
    Clock const& clock() const noexcept { return clock_; }

private:
    static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    Clock const& clock_;
    int64_t layer_ = 0;
    double last_ = nan;  ///< s, where the next phase begins
    Array<double, 2> start_, end_;
};

}  // namespace epsim
