#pragma once

#include <cstdint>
#include <vector>

namespace epsim {

/// What a rank sends to each rank in one hop of a dispatch; combine returns the rows, and padding
/// where the algorithm does (returns_padding).
struct HopTraffic {
    std::vector<int64_t> rows;     ///< [R] padding left out
    std::vector<int64_t> padding;  ///< [R] rows that carry nothing the receiver needs
    std::vector<int64_t> counts;   ///< [R] bytes of counts
    std::vector<int64_t> entries;  ///< [R] bytes of slots and weights
};

}  // namespace epsim
