#pragma once

#include <cstdint>

#include "measure/array.hpp"

namespace epsim {

/// Bandwidths of one exchange, B/s, by exact bytes.
struct Bandwidth {
    double algbw;  ///< max over ranks of max(sent, received), self included, / t
    double busbw;  ///< the same without self: what left the rank; no (n-1)/n factor is assumed
};

/// \param bytes   [source, destination] bytes of the exchange, diagonal included
/// \param seconds its duration; NaN or 0 gives NaN
Bandwidth bandwidth(Array<int64_t, 2> const& bytes, double seconds);

}  // namespace epsim
