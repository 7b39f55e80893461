#include "layer/aligned_start.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "measure/statistics.hpp"

namespace epsim {
namespace {

constexpr double least_margin_s = 100e-6, most_margin_s = 20e-3;

/// How far ahead the start must lie for every rank to know of it in time.
double measure_margin(Communicator const& comm, RootClock const& clock) {
    std::array<double, 11> trials{};
    for (double& trial : trials) {
        comm.barrier();
        double const begin = clock.now();
        comm.broadcast(begin);
        comm.barrier();
        trial = clock.now() - begin;
    }
    return std::clamp(3 * comm.all_max(median(trials)), least_margin_s, most_margin_s);
}

}  // namespace

AlignedStart::AlignedStart(Communicator const& comm, RootClock const& clock)
    : comm_(comm), clock_(clock), margin_s_(measure_margin(comm, clock)) {}

double AlignedStart::wait() {
    comm_.barrier();
    double const start = comm_.broadcast(clock_.now() + margin_s_);
    late_ = clock_.now() > start;
    constexpr double spin_s = 100e-6;
    for (;;) {
        double const left = start - clock_.now();
        if (left <= 0) return start;
        if (left > 2 * spin_s)
            std::this_thread::sleep_for(std::chrono::duration<double>(left - spin_s));
        else
            sched_yield();  // somebody else may need this core to get here
    }
}

void AlignedStart::widen() noexcept {
    margin_s_ = std::min(2 * margin_s_, most_margin_s);
}

}  // namespace epsim
