#include "compute/cpu/interleave.hpp"

#include <cstring>

namespace epsim::cpu {

void interleave(std::span<std::byte const* const> rows, int64_t steps, std::byte* to) {
    for (int64_t step = 0; step < steps; ++step)
        for (auto const* row : rows) {
            std::memcpy(to, row + 4 * step, 4);
            to += 4;
        }
}

}  // namespace epsim::cpu
