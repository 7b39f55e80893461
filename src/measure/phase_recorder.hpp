#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "measure/array.hpp"
#include "measure/clock.hpp"
#include "measure/phase.hpp"

namespace epsim {

/// One rank's phase intervals: [layer, phase] of the running iteration, on `clock`. A phase that
/// did not run stays NaN. A phase begins where the one before ended, with one reading of the clock
/// for both: readings are what stamps cost. Stamping never allocates.
///
/// Where a phase runs in several chunks, each has an interval of its own, and the phase's is from
/// the first begin to the last end. One thread a phase may stamp then, if the clock allows it.
class PhaseRecorder {
public:
    PhaseRecorder(Clock const& clock, int64_t layers, int64_t chunks = 1)
        : clock_(clock),
          start_({layers, phase_count}, nan),
          end_(start_),
          chunk_start_({layers, phase_count, chunks > 1 ? chunks : 0}, nan),
          chunk_end_(chunk_start_) {}

    void begin_iteration() noexcept {
        for (auto* stamps : {&start_, &end_}) std::ranges::fill(stamps->flat(), nan);
        for (auto* stamps : {&chunk_start_, &chunk_end_}) std::ranges::fill(stamps->flat(), nan);
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

    /// Run `work` as the interval of one of several chunks.
    template <class Work>
    void time_chunk(int64_t layer, Phase phase, int64_t chunk, Work&& work) {
        auto const p = static_cast<int64_t>(phase);
        double const begin = clock_.now();
        work();
        double const end = clock_.now();
        chunk_start_(layer, p, chunk) = begin;
        chunk_end_(layer, p, chunk) = end;
        if (std::isnan(start_(layer, p))) start_(layer, p) = begin;
        end_(layer, p) = end;
    }

    Array<double, 2> const& start() const noexcept { return start_; }
    Array<double, 2> const& end() const noexcept { return end_; }
    /// [layer, phase, chunk]; empty where there is one chunk
    Array<double, 3> const& chunk_start() const noexcept { return chunk_start_; }
    Array<double, 3> const& chunk_end() const noexcept { return chunk_end_; }
    int64_t chunks() const noexcept { return std::max<int64_t>(1, chunk_start_.extent(2)); }
    Clock const& clock() const noexcept { return clock_; }

private:
    static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    Clock const& clock_;
    int64_t layer_ = 0;
    double last_ = nan;  ///< s, where the next phase begins
    Array<double, 2> start_, end_;
    Array<double, 3> chunk_start_, chunk_end_;
};

}  // namespace epsim
