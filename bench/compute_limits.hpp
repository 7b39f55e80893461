#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/simd.hpp"
#include "device/device_query.hpp"
#include "device/host_block.hpp"
#include "measure/statistics.hpp"
#include "paired.hpp"
#include "probe/vector_loops.hpp"

namespace epsim::bench {

/// Without requests in advance, which are slower here than the CPU's own.
EPSIM_SIMD_CLONES inline uint64_t read_lines(CacheLine const* lines, std::size_t n) {
    uint64_t sums[CacheLine::words] = {};
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t w = 0; w < CacheLine::words; ++w) sums[w] += lines[i].word[w];
    return std::accumulate(std::begin(sums), std::end(sums), uint64_t{0});
}

/// What one core can do at best, measured between the measurements that it is compared with:
/// multiply-adds that stay in registers, and reading memory that no cache holds.
class ComputeLimits {
public:
    explicit ComputeLimits(DType type)
        : loop_(register_loop(type)),
          last_level_cache_(std::max<int64_t>(
              8 << 20, static_cast<int64_t>(query_host().last_level_cache_bytes))),
          memory_(4 * last_level_cache_) {
        std::fill_n(memory_.data(), memory_.bytes(), std::byte{1});
    }

    int64_t last_level_cache_bytes() const { return last_level_cache_; }

    void measure() {
        int64_t const iterations = 70 * loop_.some_10_us;
        std::vector<float> x(loop_.lanes, 1.0f);
        double const s = seconds([&] { loop_.run(x.data(), 0.5f, 0.25f, iterations); });
        flop_rate_.push_back(loop_.flops_of(iterations) / s);
        // The next part of memory, which was read last before more than the cache holds was.
        int64_t const part = memory_.bytes() / 8;
        auto const* const from =
            reinterpret_cast<CacheLine const*>(memory_.data() + next_++ % 8 * part);
        auto const lines = static_cast<std::size_t>(part) / sizeof(CacheLine);
        read_rate_.push_back(static_cast<double>(part) /
                             seconds([&] { benchmark::DoNotOptimize(read_lines(from, lines)); }));
    }

    double flop_rate() const { return median(flop_rate_); }
    double read_rate() const { return median(read_rate_); }
    /// Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009.
    double roofline_s(double flops, double bytes) const {
        return std::max(flops / flop_rate(), bytes / read_rate());
    }

private:
    RegisterLoop loop_;
    int64_t last_level_cache_, next_ = 0;
    HostBlock memory_;
    std::vector<double> flop_rate_, read_rate_;
};

}  // namespace epsim::bench
