#include "probe/ceiling_bench.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace epsim {
namespace {

TEST(CeilingBench, MeasuresEveryFigureInEveryRepetitionOnAnyNumberOfThreads) {
    for (int const threads : {1, 2, 5}) {
        CeilingBench bench(threads * 3 * int64_t{64}, threads);  // three lines each: one is copied
        auto const rates = bench.run({MonotonicClock().now(), 20e-6, 10e-6, 3});
        ASSERT_EQ(rates.shape(), (std::array<int64_t, 2>{3, 6}));
        for (double const rate : rates.flat()) {
            EXPECT_TRUE(std::isfinite(rate));
            EXPECT_GT(rate, 0);
        }
    }
}

TEST(CeilingBench, RatesCountFromTheWindowsBegin) {
    CeilingBench bench(1 << 20, 1);
    double const late_s = 0.5;
    double const begin = MonotonicClock().now() - late_s;
    auto const rates = bench.run({begin, 1e-6, 0, 1});
    // One piece of at most 256 KiB, half a second after the window began.
    for (int64_t const memory : {0, 1, 2, 3}) EXPECT_LE(rates(0, memory), 262144 / late_s);
}

TEST(CeilingBench, WaitsForAWindowThatLiesAhead) {
    CeilingBench bench(1 << 20, 2);
    double const begin = MonotonicClock().now() + 5e-3;
    bench.run({begin, 1e-3, 1e-3, 1});
    // The last of six windows ends at begin + 11 ms.
    EXPECT_GE(MonotonicClock().now(), begin + 11e-3);
}

HostInfo host(double cache, int caches, double memory) {
    HostInfo info;
    info.last_level_cache_bytes = cache;
    info.last_level_caches = caches;
    info.memory_bytes = memory;
    return info;
}

TEST(WorkingSet, IsSomeTimesTheCachesThatThreadsFillWithinAShareOfMemory) {
    constexpr double mebi = 1 << 20, gibi = 1 << 30;
    auto const in_mebi = [&](HostInfo const& info, double times, int threads, int ranks) {
        return static_cast<double>(working_set_bytes(info, times, threads, ranks)) / mebi;
    };
    EXPECT_EQ(in_mebi(host(32 * mebi, 1, 64 * gibi), 4, 1, 4), 128);
    EXPECT_EQ(in_mebi(host(32 * mebi, 8, 512 * gibi), 2, 3, 1), 192);   // three threads, 8 caches
    EXPECT_EQ(in_mebi(host(32 * mebi, 8, 512 * gibi), 2, 64, 1), 512);  // 64 threads, 8 caches
    EXPECT_EQ(in_mebi(host(0, 0, 64 * gibi), 4, 1, 1), 128);            // unknown cache
    EXPECT_EQ(in_mebi(host(512 * mebi, 1, 64 * gibi), 4, 1, 32), 64);   // memory / 32 / ranks
    EXPECT_EQ(in_mebi(host(512 * mebi, 1, 64 * mebi), 4, 3, 64), 3);    // 1 MiB a thread
}

}  // namespace
}  // namespace epsim
