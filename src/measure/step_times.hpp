#pragma once

#include <functional>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// [S] the iterations of each step that count: measured, and ended on every rank.
using IterationsOfStep = std::vector<std::vector<int64_t>>;
IterationsOfStep measured_iterations(RunRecord const& record);

/// Latest end minus earliest agreed start over ranks, s. NaN if a rank has none.
double iteration_time(RunRecord const& record, int64_t iteration);

/// How long rank `rank` was in an iteration: its end minus the earliest agreed start, s.
double rank_time(RunRecord const& record, int64_t iteration, int64_t rank);

/// Seconds of a phase in an iteration and layer, by the rank or ranks that stand for it; NaN if the
/// phase is absent there. The functions keep a reference to the record.
using PhaseDuration = std::function<double(int64_t iteration, int64_t layer, Phase phase)>;
PhaseDuration slowest_rank(RunRecord const& record);
PhaseDuration fastest_rank(RunRecord const& record);
/// The time in which at least one rank is in the phase.
PhaseDuration any_rank(RunRecord const& record);
PhaseDuration one_rank(RunRecord const& record, int64_t rank);
/// The part of one_rank after the iteration's start: a freely running rank that ended the iteration
/// before early is in a phase already, and only what is left of it is time of this iteration.
PhaseDuration one_rank_inside(RunRecord const& record, int64_t rank);

/// Seconds that a rank waits in a collective phase, which it does at its beginning; 0 where that is
/// too short for the clocks to tell. NaN where it is not in the phase, or nothing is known of
/// waits.
PhaseDuration largest_wait(RunRecord const& record);  ///< of all ranks
/// The part of one rank's after the iteration's start.
PhaseDuration wait_inside(RunRecord const& record, int64_t rank);
/// Whether something is known of these ranks' waits in the phase: one above 0, or all of them.
bool wait_is_known(RunRecord const& record, IterationsOfStep const& iterations, Phase phase,
                   int64_t first_rank, int64_t ranks);

/// Quantile p of the duration over the iterations of each step: [S, L, P].
Array<double, 3> phase_quantiles(IterationsOfStep const& iterations, int64_t layers,
                                 PhaseDuration const& duration, double p);

/// Sum over layers, then mean over the steps that have iterations. Where the phase is absent it
/// counts as 0; NaN if it is absent everywhere.
double step_mean(Array<double, 3> const& durations, IterationsOfStep const& iterations,
                 Phase phase);

}  // namespace epsim
