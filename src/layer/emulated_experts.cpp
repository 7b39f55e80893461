#include "layer/emulated_experts.hpp"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>

#include "measure/clock.hpp"

namespace epsim {
namespace {

/// Sleep until MonotonicClock shows `end`, the last of it awake if `spin`.
void wait_until(double end, bool spin) {
    constexpr double spin_s = 50e-6;  // what a sleep may last too long
    MonotonicClock const clock;
    double const wake = spin ? end - spin_s : end;
    if (clock.now() < wake) {
        double const whole = std::floor(wake);
        timespec const until{static_cast<time_t>(whole), static_cast<long>((wake - whole) * 1e9)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
        }
    }
    while (spin && clock.now() < end) {
    }
}

}  // namespace

void EmulatedExperts::forward(int layer, GroupedRows const& in, BufferView out, Stream&) {
    double const begin = MonotonicClock().now();
    if (out.rows > 0) std::memset(out.data, 0, static_cast<std::size_t>(out.bytes()));
    if (entries_.empty() || in.row_index.empty()) return;
    double const share =
        static_cast<double>(in.row_index.size()) / static_cast<double>(entries_(step_, layer));
    wait_until(begin + share * layer_s_, spin_);
}

}  // namespace epsim
