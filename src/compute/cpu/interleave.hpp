#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace epsim::cpu {

/// to[step][r] = rows[r][step], words of 4 bytes: from rows to a tile's x.
/// \param rows  1 to 14
/// \param to    [steps][rows]
void interleave(std::span<std::byte const* const> rows, int64_t steps, std::byte* to);

}  // namespace epsim::cpu
