#include "probe/memory_loops.hpp"

#include <cstring>

#include "core/simd.hpp"

namespace epsim {

// One vector of sums is enough: an addition takes one cycle, a line from memory takes many.
EPSIM_SIMD_CLONES uint64_t sum_of_words(std::span<CacheLine const> lines) {
    uint64_t sum = 0;
    for (CacheLine const& line : lines)
        for (uint64_t const word : line.word) sum += word;
    return sum;
}

void plain_copy(CacheLine const* from, CacheLine* to, std::size_t bytes) {
    std::memcpy(to, from, bytes);
    asm volatile("" : : "r"(to) : "memory");  // as if somebody read what was written
}

}  // namespace epsim
