#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
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

    /// How much longer the operation takes than the other, as a share of the other's median: median
    /// over the pairs and its 95 % interval, by the order statistics that the number of pairs under
    /// the median (binomial, 1/2) leaves between.
    struct Excess {
        double low, median, high;
    };
    Excess excess() const {
        std::vector<double> more(own_.size());
        std::ranges::transform(own_, other_, more.begin(), std::minus<>());
        std::ranges::sort(more);
        auto const n = static_cast<double>(more.size());
        auto const cut = static_cast<std::size_t>(std::max(0.0, (n - 1.96 * std::sqrt(n)) / 2 - 1));
        double const whole = median(other_);
        return {more[cut] / whole, median(more) / whole, more[more.size() - 1 - cut] / whole};
    }

private:
    std::vector<double> own_, other_;
};

}  // namespace epsim::bench
