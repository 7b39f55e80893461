#pragma once

#include <string>
#include <vector>

#include "measure/run_record.hpp"
#include "measure/step_times.hpp"

namespace epsim {

/// Rows in the making.
class SummaryRows {
public:
    /// \param n samples behind the value
    void add(std::string metric, double value, std::string unit, int64_t n,
             std::string description);
    std::vector<SummaryRow> take() { return std::move(rows_); }

private:
    std::vector<SummaryRow> rows_;
};

/// What the parts of a summary share.
struct SummaryInput {
    RunRecord const& record;
    IterationsOfStep iterations;
    int64_t measured = 0;          ///< iterations in all
    double step_time = 0;          ///< mean over steps of the median iteration time, s
    Array<double, 3> slowest_p50;  ///< [S, L, P] median over iterations of the slowest rank's time
};

// The parts: each adds its rows.
void summarise_steps(SummaryInput const& input, SummaryRows& rows);     ///< throughput, step time
void summarise_phases(SummaryInput const& input, SummaryRows& rows);    ///< phase_*
void summarise_critical(SummaryInput const& input, SummaryRows& rows);  ///< critical_*
void summarise_rates(SummaryInput const& input, SummaryRows& rows);     ///< FLOP/s, bandwidth
void summarise_bounds(SummaryInput const& input, SummaryRows& rows);    ///< bound_*
void summarise_load(RunRecord const& record, SummaryRows& rows);        ///< imbalance, drops
void summarise_traffic(RunRecord const& record, SummaryRows& rows);     ///< bytes

/// [S] median iteration time of each step, s; NaN where none was measured.
std::vector<double> step_medians(RunRecord const& record, IterationsOfStep const& iterations);

}  // namespace epsim
