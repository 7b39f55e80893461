#pragma once

#include <cstdint>
#include <limits>

namespace epsim {

/// What travels for each entry beside its row: 8 bytes. The first entry of a row says so.
struct EntryMetadata {
    int32_t slot;  ///< ~slot for the first entry of a row
    float weight;
};

/// Where there is room for more entries than there are.
inline constexpr EntryMetadata padding_entry{std::numeric_limits<int32_t>::min(), 0};

}  // namespace epsim
