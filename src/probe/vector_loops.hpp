#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/dtype.hpp"

namespace epsim {

/// What caches and memory move.
struct alignas(64) CacheLine {
    static constexpr std::size_t words = 8;
    std::array<uint64_t, words> word;
};

/// Store `value` in every word, past the caches; done when it returns.
void stream_fill(std::span<CacheLine> lines, uint64_t value);

/// Copy with stores past the caches; done when it returns. \param to [from.size()], apart from it
void stream_copy(std::span<CacheLine const> from, std::span<CacheLine> to);

/// Independent chains of operations that stay in registers. Enough of them hide the latency of a
/// unit: 12 vectors, since two units of latency 4 need 8, and 16 registers hold 12 and two factors.
struct RegisterLoop {
    static constexpr std::size_t chains = 12, most_lanes = 1024;

    std::size_t lanes;  ///< numbers of the chains, at most most_lanes
    int flops;          ///< of a lane in an iteration: 2 = m x + a, else x + m a + m a + ...
    void (*run)(float* x, float m, float a, int64_t iterations);  ///< x [lanes], changed
    int64_t some_10_us = 4096;                                    ///< iterations

    double flops_of(int64_t iterations) const {
        return static_cast<double>(lanes) * flops * static_cast<double>(iterations);
    }
};

/// The fastest that this CPU has for products of a type. f32: x becomes m x + a, n times. bf16: x
/// becomes x + m a + m a, products of bf16 summed up in f32 in vectors, or 32 of them in matrix
/// registers; where the CPU has no such instruction, the loop of f32.
RegisterLoop register_loop(DType type);

}  // namespace epsim
