#pragma once

#include "layer/exchange_sweep.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {

/// What is known of an exchange before it runs, as a RunRecord says it: each rank has one expert,
/// and each row it gets is an assignment to that. Marked with the tag "exchange-only": rows do not
/// come back, and nothing announces them.
RunRecord exchange_record(ExchangeCase const& exchange);

/// What a step's layer puts on the wire.
ExchangeSchedule schedule_of(ExchangeCase const& exchange, int64_t step, int64_t layer);

/// T_lb and T_lb* of every step and layer. \param cache_bytes as for MachineLimits
void bound_exchange(ExchangeCase const& exchange, double cache_bytes, RunRecord& record);

/// Bytes [source, destination] of a matrix of rows.
Array<int64_t, 2> bytes_of(Array<int64_t, 2> const& rows, int64_t row_bytes);

}  // namespace epsim
