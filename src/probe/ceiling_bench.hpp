#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/ceiling_figures.hpp"
#include "device/device_query.hpp"
#include "measure/array.hpp"
#include "measure/clock.hpp"
#include "probe/vector_loops.hpp"

namespace epsim {

/// Windows of time, one after the other, for every repetition of every figure in turn.
struct Windows {
    double begin;    ///< s of MonotonicClock; where several ranks measure at once, agreed on before
    double seconds;  ///< of a window
    double gap;      ///< s from the end of a window to the next
    int repetitions;
};

/// Runs what a ceiling is made of on the threads that a rank's kernels use (OpenMP's), each on its
/// own part of the working set, which it was the first to touch.
class CeilingBench {
public:
    /// \param bytes working set of all threads
    CeilingBench(int64_t bytes, int threads);

    /// Do the work of each figure in its windows; at least one piece of it on every thread, however
    /// late it comes. Threads and ranks agree on nothing in between: that would disturb.
    /// \return [repetition, figure] amount a second, counted from the window's begin, of all threads
    Array<double, 2> run(Windows const& windows);

private:
    struct alignas(64) Worker {
        std::span<CacheLine> part;
        std::size_t at = 0;  ///< where the last piece ended: what comes next was unused for longest
        std::array<float, RegisterLoop::most_lanes> x{};
        uint64_t sum = 0;
        Array<double, 2> rates;

        void run(Windows const& windows, Clock const& clock);
        /// One piece of the work of ceiling_figures[figure]. \return its amount
        double work(std::size_t figure);
        std::span<CacheLine> next_piece(std::span<CacheLine> of);
    };

    MonotonicClock clock_;
    std::unique_ptr<CacheLine[]> memory_;
    std::vector<Worker> workers_;
};

/// Bytes that a rank reads and writes to see memory, not caches: `times` the last-level caches
/// (taken as 32 MiB if unknown) that its threads can fill. All ranks of a host together take at
/// most 1/32 of its memory, but each thread has 1 MiB.
int64_t working_set_bytes(HostInfo const& host, double times, int threads, int ranks_on_host);

}  // namespace epsim
