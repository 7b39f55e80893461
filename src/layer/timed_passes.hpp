#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/root_clock.hpp"
#include "layer/aligned_start.hpp"
#include "layer/options.hpp"
#include "layer/part_times.hpp"
#include "measure/phase_recorder.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// What an iteration does, and what the outside wants to know or say between iterations.
struct PassWork {
    std::function<void(int step)> load;     ///< bring a step's input; collective, not timed
    std::function<void(int step)> forward;  ///< all layers of a loaded step; stamps the recorder
    std::function<void(int64_t done, int64_t total)> progress;
    std::function<bool()> interrupted;  ///< true on any rank: end after this iteration
    std::function<void()> next_turn;    ///< before each pass; collective
    /// What a pass after each pass does instead of forward: the same without overlap, or in the
    /// first placement.
    enum class Compared { nothing, sequence, first_placement };
    Compared compared = Compared::nothing;
    std::function<void(int step)> forward_compared = {};
};

/// Warm-up and measured passes over the steps, until the stopping rule is content. Stamps stay on
/// their rank's clock during a pass; they are corrected, gathered and judged between passes, so
/// that a timed iteration neither allocates nor sends more than what it measures.
///
/// aligned: every iteration begins at a moment that all ranks agree on; its time is the latest end
/// minus that moment. free: iterations follow each other without pause, as in production; the time
/// is the difference of successive latest ends, and a pass begins with an iteration that is not
/// recorded. All steps must then be loaded at once.
///
/// Passes that are compared with are measured in the same way; their iterations are none of the
/// record's.
class TimedPasses {
public:
    /// Collective. References must outlive it. \param domain of each rank: who shares a clock
    TimedPasses(MeasureOptions const& options, int steps, Communicator const& comm,
                Clock const& clock, std::span<int const> domain, PhaseRecorder& recorder,
                PassWork work);

    /// Run them. Collective. On rank 0 fills times, step_of, is_warmup, clock_*, status and
    /// provenance["measure"] of the record; times count from the first comparison of clocks.
    void run(RunRecord& record);

private:
    void run_pass(bool compared);
    void aligned_pass();
    void free_pass();
    void iterate(int step);
    void end_iteration();
    void gather_pass();
    void gather_compared_pass();
    struct IterationTimes {
        std::vector<double> begins;  // [n]
        std::vector<double> ends;    // [n, R]
    };
    IterationTimes iteration_times(std::span<double const> ends) const;
    std::string why_stop() const;
    void fill_times(RunRecord& record) const;
    void fill_compared(RunRecord& record);
    void fill_parts(RunRecord& record);
    void fill_clock(RunRecord& record) const;
    bool free() const { return options_.start == "free"; }

    MeasureOptions options_;
    int steps_;
    Communicator const& comm_;
    Clock const& own_;
    RootClock clock_;
    AlignedStart start_;
    PhaseRecorder& recorder_;
    PassWork work_;
    double origin_;  ///< s on rank 0's clock
    int pass_ = 0;
    int64_t late_ = 0;  ///< iterations that some rank began late
    bool interrupted_ = false;
    // This rank's pass, an iteration after the other: agreed starts on rank 0's clock; the rest on
    // the own, [layer, phase] blocks of phases.
    std::vector<double> begins_, ends_, phase_begins_, phase_ends_;
    // Rank 0's, all passes: [I, R] and [I, L, P, R].
    std::vector<double> all_begins_, all_ends_, all_phase_begins_, all_phase_ends_;
    std::vector<int> iterations_of_pass_;
    bool compared_ = false;  ///< the running pass is
    PartTimes parts_;
    std::vector<std::vector<double>> compared_times_;  // [S] s of each iteration compared with
};

}  // namespace epsim
