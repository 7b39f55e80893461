#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ids.hpp"

namespace epsim {

/// What one rank sends another: bytes that are a function of who, to whom, how often and where
/// only, so that the receiver knows them, and none is right by chance or from before.
struct RowPattern {
    RankId source, destination;
    uint64_t number;  ///< of the exchange: another one, other bytes

    void fill(std::span<std::byte> block) const;
    /// Rows of a received block that are not what fill() wrote there.
    int64_t wrong_rows(std::span<std::byte const> block, int64_t row_bytes) const;
};

}  // namespace epsim
