#pragma once

#include <span>

#include "probe/vector_loops.hpp"

namespace epsim {

/// Sum of all words, modulo 2^64.
uint64_t sum_of_words(std::span<CacheLine const> lines);

/// std::memcpy, which the compiler can neither leave out nor take together with the next.
void plain_copy(CacheLine const* from, CacheLine* to, std::size_t bytes);

}  // namespace epsim
