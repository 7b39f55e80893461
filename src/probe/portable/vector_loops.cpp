#include "probe/vector_loops.hpp"

#include <algorithm>
#include <cstring>

// For processors without loops of their own: what the compiler makes of plain C++, so that a
// ceiling may be too low here.

namespace epsim {
namespace {

using Vector [[gnu::vector_size(16)]] = float;

void multiply_add(float* state, float m, float a, int64_t n) {
    Vector x[RegisterLoop::chains];
    std::memcpy(x, state, sizeof x);
    for (int64_t i = 0; i < n; ++i)
#pragma GCC unroll 16
        for (auto& chain : x) chain = chain * m + a;
    std::memcpy(state, x, sizeof x);
}

}  // namespace

void stream_fill(std::span<CacheLine> lines, uint64_t value) {
    for (CacheLine& line : lines) line.word.fill(value);
}

void stream_copy(std::span<CacheLine const> from, std::span<CacheLine> to) {
    std::ranges::copy(from, to.begin());
}

RegisterLoop register_loop(DType) {
    return {RegisterLoop::chains * 4, 2, multiply_add};
}

}  // namespace epsim
