#pragma once

#include "schedule/traffic_matrix.hpp"

namespace epsim {

/// Sizes of a sweep, bytes: begin, then each `factor` times the one before (1 after 0), to end.
/// \throws InputError if end < begin, or they differ and factor < 2
std::vector<int64_t> sweep_sizes(int64_t begin, int64_t end, int64_t factor);

/// Sizes rounded up to whole rows; once where several come to the same.
/// \param sizes ascending
std::vector<int64_t> whole_rows(std::vector<int64_t> sizes, int64_t row_bytes);

/// What the busiest rank sends or receives, itself included: max over ranks of both.
double heaviest(TrafficMatrix const& traffic);

/// Rows [source, destination] in the matrix's proportions, of which the busiest rank sends or
/// receives floor(bytes / row_bytes), to within rounding. A rank's total is exact to within a row:
/// shares are rounded as they add up, from the rank itself onwards, so that uniform traffic is
/// exact in what each rank sends and receives. Pairs without weight get no row.
Array<int64_t, 2> scaled_rows(TrafficMatrix const& traffic, int64_t bytes, int64_t row_bytes);

}  // namespace epsim
