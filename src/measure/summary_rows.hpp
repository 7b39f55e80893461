#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "measure/bootstrap.hpp"
#include "measure/interval.hpp"
#include "measure/run_record.hpp"
#include "measure/step_times.hpp"

namespace epsim {

/// Rows in the making.
class SummaryRows {
public:
    /// \param n samples behind the value
    /// \param interval of 95 %; blank where none is defined
    void add(std::string metric, double value, std::string unit, int64_t n, std::string description,
             Interval interval = {});
    std::vector<SummaryRow> take() { return std::move(rows_); }

private:
    std::vector<SummaryRow> rows_;
};

/// What the parts of a summary share.
struct SummaryInput {
    RunRecord const& record;
    IterationsOfStep iterations;
    int64_t measured = 0;          ///< iterations in all
    int64_t steps = 0;             ///< that have any
    double step_time = 0;          ///< mean over steps of the median iteration time, s
    Estimate estimate;             ///< of step_time
    Array<double, 3> slowest_p50;  ///< [S, L, P] median over iterations of the slowest rank's time
};

// The parts: each adds its rows.
void summarise_steps(SummaryInput const& input, SummaryRows& rows);     ///< throughput, step time
void summarise_spread(SummaryInput const& input, SummaryRows& rows);    ///< n_eff, *_sd
void summarise_phases(SummaryInput const& input, SummaryRows& rows);    ///< phase_*
void summarise_critical(SummaryInput const& input, SummaryRows& rows);  ///< critical_*
void summarise_rates(SummaryInput const& input, SummaryRows& rows);     ///< FLOP/s, bandwidth
void summarise_bounds(SummaryInput const& input, SummaryRows& rows);    ///< bound_*
/// What overlap hides of the shorter of communication and computation, and what it costs the
/// experts: of steps in several parts. The measure is the usual one of pipelines of two stages: the
/// best that overlap can do is to hide the shorter stage behind the longer, so
/// (sum of parts - step) / min(communication, computation), with the sum of parts measured as the
/// step that does the same tasks one after the other.
void summarise_overlap(SummaryInput const& input, SummaryRows& rows);
/// What moving experts costs and gives, against the first placement. Break-even is of measured
/// sums of steps: from the first change on.
void summarise_rebalancing(SummaryInput const& input, SummaryRows& rows);
void summarise_load(RunRecord const& record, SummaryRows& rows);  ///< imbalance, drops
void summarise_gate(RunRecord const& record, SummaryRows& rows);  ///< gate_*
/// With and without load from other ranks: slowdown_*.
void summarise_slowdown(RunRecord const& record, SummaryRows& rows);
/// All of a map of pairs: typical and slowest pairs by class of link, who is sick.
void summarise_pairs(RunRecord const& record, SummaryRows& rows);
void summarise_traffic(RunRecord const& record, SummaryRows& rows);  ///< bytes

/// The rank that ended last in the most iterations (ties: the lowest), and in how many.
std::pair<int64_t, int64_t> find_critical_rank(SummaryInput const& input);

/// A time of each measured iteration of a step with its pass; where `time` is NaN there is none.
PassSamples samples_of_step(SummaryInput const& input, std::size_t step,
                            std::function<double(int64_t iteration)> const& time);

/// The estimate of step_time from the record and its iterations.
Estimate estimate_step_time(SummaryInput const& input);

/// [S] median iteration time of each step, s; NaN where none was measured.
std::vector<double> step_medians(RunRecord const& record, IterationsOfStep const& iterations);

}  // namespace epsim
