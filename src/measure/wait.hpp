#pragma once

#include <cstdint>
#include <vector>

#include "measure/array.hpp"

namespace epsim {

/// How long each rank waited for late ones in one collective phase:
///     late = max(in_r, max over the ranks s that r depends on of in_s)
///     wait = min(out_r, late) - in_r
/// Its transfer lies between out_r - in_r - wait and out_r - in_r, since data of ranks that were in
/// time may arrive while it waits.
/// \param in, out [R] entry and exit of each rank, s on one clock; NaN = the rank was not in it
/// \param needs   [R, R] 1 = the row's rank depends on the column's (schedule/dependencies)
/// \param error   [R] bound of each clock's error, s: a wait under 3 x the larger of the two errors
///                that it was read with is NaN (not known), unless both are 0
/// \return [R] s
std::vector<double> waits(std::vector<double> const& in, std::vector<double> const& out,
                          Array<uint8_t, 2> const& needs, std::vector<double> const& error);

}  // namespace epsim
