#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/dtype.hpp"

namespace epsim {

/// From fp64 with one rounding. On the way to bf16 the nearest float would be a second one. The
/// float that is cut off, its last bit set if anything was lost, is not: "round to odd" (Boldo and
/// Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE Trans. Computers 57(4), 2008).
template <class T>
T round_once(double value) noexcept;

template <>
inline float round_once<float>(double value) noexcept {
    return static_cast<float>(value);
}

template <>
inline bf16 round_once<bf16>(double value) noexcept {
    auto const nearest = static_cast<float>(value);
    auto const back = static_cast<double>(nearest);
    if (back == value || std::isnan(value)) return to_bf16(nearest);
    auto bits = std::bit_cast<uint32_t>(nearest);
    if (std::abs(back) > std::abs(value)) --bits;
    return to_bf16(std::bit_cast<float>(bits | 1u));
}

}  // namespace epsim
