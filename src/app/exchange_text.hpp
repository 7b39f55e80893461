#pragma once

#include <string>

#include "layer/exchange_sweep.hpp"
#include "report/text_style.hpp"

namespace epsim {

/// What the busiest rank sends or receives, itself included, bytes.
double busiest_bytes(Array<int64_t, 2> const& rows, int64_t row_bytes);

/// A line a step (size), as other benchmarks of exchanges have it: busiest rank's bytes, bytes of a
/// row, time (median, least, most), algbw, busbw, bound and its share of the time, wrong rows.
/// \param wrong [S]   \param name of what moved the rows; where that differs by step, lines say it
std::string exchange_table(ExchangeCase const& exchange, RunRecord const& record,
                           std::vector<int64_t> const& wrong, std::string const& name,
                           TextStyle const& style);

}  // namespace epsim
