#pragma once

#include <cstdint>

namespace epsim {

/// First item of `part` when n items are shared contiguously, item t on part floor(t parts / n):
/// ceil(part n / parts), without overflow. share_begin(parts, n, parts) is n.
constexpr int64_t share_begin(int64_t part, int64_t n, int64_t parts) noexcept {
    return part * (n / parts) + (part * (n % parts) + parts - 1) / parts;
}

}  // namespace epsim
