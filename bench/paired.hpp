#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <vector>

#include "measure/statistics.hpp"

namespace epsim::bench {

/// Seconds that `work` takes.
template <class Work>
double seconds(Work&& work) {
    auto const start = std::chrono::steady_clock::now();
    work();
    benchmark::ClobberMemory();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Times an operation and what it is compared with in turn, so that both see the same machine.
class Paired {
public:
    void add(double own_s, double other_s) {
        own_.push_back(own_s);
        other_.push_back(other_s);
    }
    /// Median of the other's time over the median of the operation's: 1 = as fast, 2 = twice as
    /// fast.
    double ratio() const { return median(other_) / median(own_); }
    double own_median_s() const { return median(own_); }

private:
    std::vector<double> own_, other_;
};

}  // namespace epsim::bench
