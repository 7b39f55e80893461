#include "probe/memory_loops.hpp"

#include <cstring>

#include "core/simd.hpp"

namespace epsim {

// One vector of sums is enough: an addition takes one cycle, a line from memory takes many.
EPSIM_SIMD_CLONES uint64_t sum_of_words(std::span<CacheLine const> lines) {
    auto const* words = reinterpret_cast<uint64_t const*>(lines.data());
    uint64_t sum = 0;
    for (std::size_t i = 0; i < lines.size() * CacheLine::words; ++i) sum += words[i];
    return sum;
}

void plain_copy(CacheLine const* from, CacheLine* to, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    asm volatile("" : : "r"(to) : "memory");  // as if somebody read what was written
}

}  // namespace epsim
