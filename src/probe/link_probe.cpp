#include "probe/link_probe.hpp"

#include <algorithm>
#include <limits>

#include "measure/clock.hpp"
#include "probe/memory_loops.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t lines_for(int64_t bytes) {
    return (static_cast<std::size_t>(bytes) + sizeof(CacheLine) - 1) / sizeof(CacheLine);
}

}  // namespace

std::vector<int64_t> message_sizes(int64_t largest, int factor) {
    std::vector<int64_t> sizes;
    for (int64_t bytes = 8; bytes <= largest; bytes *= factor) sizes.push_back(bytes);
    return sizes;
}

std::vector<double> copy_seconds(std::span<int64_t const> sizes, double budget_s) {
    constexpr double least_timed_s = 2e-6;  // well above what reading the clock takes
    MonotonicClock const clock;
    auto const lines = lines_for(std::ranges::max(sizes));
    std::vector<CacheLine> from(lines), to(lines);
    std::vector<double> seconds;
    for (int64_t const bytes : sizes) {
        double least = std::numeric_limits<double>::infinity();
        int batch = 1;
        for (double const begin = clock.now(); clock.now() < begin + budget_s || least > 1e300;) {
            double const start = clock.now();
            for (int i = 0; i < batch; ++i)
                plain_copy(from.data(), to.data(), static_cast<std::size_t>(bytes));
            double const took = clock.now() - start;
            if (took < least_timed_s)
                batch *= 2;
            else
                least = std::min(least, took / batch);
        }
        seconds.push_back(least);
    }
    return seconds;
}

Array<double, 2> message_seconds(Communicator const& comm,
                                 std::vector<std::vector<RankPair>> const& rounds,
                                 std::span<int64_t const> sizes, PingPongOptions const& options) {
    Array<double, 2> seconds({std::ssize(sizes), comm.size()}, nan);
    for (auto const& round : rounds) {
        for (auto const& [low, high] : round) {
            if (comm.rank() != low && comm.rank() != high) continue;
            bool const leads = comm.rank() == low;
            auto const mine = ping_pong(comm, leads ? high : low, sizes, options);
            for (std::size_t z = 0; z < mine.size(); ++z) seconds(z, index(high)) = mine[z];
        }
        comm.quiet_barrier();
    }
    return seconds;
}

}  // namespace epsim
