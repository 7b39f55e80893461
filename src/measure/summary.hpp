#pragma once

#include <string_view>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// The rows of /summary, derived from the arrays alone (record.summary is not read): throughput,
/// step time, their spread, phases with their waits, the critical rank, FLOP/s, bandwidth, bounds,
/// imbalance, bytes. Each row's description is its formula. What a run has no data for has no row,
/// or is NaN with n = 0. Intervals (95 %, measure/bootstrap) are of this launch alone: another one
/// can lie outside (measure/launches); NaN where a row has none.
/// \throws InputError if the arrays disagree in shape
std::vector<SummaryRow> summarise(RunRecord const& record);

/// The value of a metric; NaN if there is no such row.
double summary_value(std::vector<SummaryRow> const& rows, std::string_view metric);

}  // namespace epsim
