#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/ceiling_figures.hpp"
#include "measure/clock.hpp"
#include "probe/vector_loops.hpp"

namespace epsim {

/// Runs what a ceiling is made of on the threads that a rank's kernels use (OpenMP's), each on its
/// own part of the working set, which it was the first to touch.
class CeilingBench {
public:
    /// \param bytes working set of all threads
    CeilingBench(int64_t bytes, int threads);

    /// Do the work of ceiling_figures[figure] until `begin + seconds` (of MonotonicClock) and at
    /// least one piece of it; begin may lie ahead. \return amount a second, since `begin`
    double rate(std::size_t figure, double begin, double seconds);
    double rate_now(std::size_t figure, double seconds) {
        return rate(figure, clock_.now(), seconds);
    }

private:
    struct alignas(64) Worker {
        std::span<CacheLine> part;
        std::size_t at = 0;  ///< where the last piece ended: the next was not used for longest
        std::array<float, RegisterLoop::most_lanes> x{};
        uint64_t sum = 0;

        std::span<CacheLine> next_piece(std::span<CacheLine> of);
        /// One piece of work. \return its amount
        double work(std::size_t figure);
    };

    MonotonicClock clock_;
    std::unique_ptr<CacheLine[]> memory_;
    std::vector<Worker> workers_;
};

/// Bytes that a rank reads and writes to see memory, not caches: four times the last-level caches
/// that its threads can fill. All ranks of a host together take at most 1/32 of its memory.
/// \param cache_bytes of a last-level cache; 0 = unknown, taken as 32 MiB
int64_t working_set_bytes(double cache_bytes, int caches, int threads, double memory_bytes,
                          int ranks_on_host);

}  // namespace epsim
