#pragma once

#include <cstdint>

#include "core/rng.hpp"

namespace epsim {

/// Philox of the 32 counters (first + t 2^20, a, b), t from 0, in the registers of this machine.
/// \param words [4, 32]
/// \return whether it can; if not, nothing is written
bool fill_wide(PhiloxKey key, uint32_t a, uint32_t b, uint64_t first, uint32_t* words) noexcept;

}  // namespace epsim
