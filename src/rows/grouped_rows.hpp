#pragma once

#include <cstdint>
#include <span>

#include "device/buffer.hpp"

namespace epsim {

/// Rows that a rank received, as its slots see them: slot s (counted from this rank's first) serves
/// entries [slot_offset[s], slot_offset[s + 1]); entry i reads row row_index[i] of `rows`, has gate
/// weight weight[i], and its result is row result_index[i] of what the experts return. A row may
/// serve several entries; results are distinct, one an entry.
struct GroupedRows {
    BufferView rows;                        ///< [received, width], in order of arrival; those that
                                            ///< no entry reads may hold anything
    std::span<int64_t const> slot_offset;   ///< [local slots + 1]
    std::span<int32_t const> row_index;     ///< [entries]
    std::span<int32_t const> result_index;  ///< [entries]
    std::span<float const> weight;          ///< [entries]
};

}  // namespace epsim
