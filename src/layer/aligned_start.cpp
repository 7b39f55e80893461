#include "layer/aligned_start.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "measure/statistics.hpp"

namespace epsim {
namespace {

bool shares_root_host(Communicator const& comm) {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    auto const hosts = comm.all_gather(name.data());
    return hosts[static_cast<std::size_t>(index(comm.rank()))] == hosts[0];
}

/// How far ahead the start must lie for every rank to know of it in time.
double measure_margin(Communicator const& comm, Clock const& clock) {
    std::array<double, 11> trials{};
    for (double& trial : trials) {
        comm.barrier();
        double const begin = clock.now();
        comm.broadcast(begin);
        comm.barrier();
        trial = clock.now() - begin;
    }
    constexpr double least_s = 100e-6, most_s = 20e-3;
    return std::clamp(3 * comm.all_max(median(trials)), least_s, most_s);
}

}  // namespace

AlignedStart::AlignedStart(Communicator const& comm, Clock const& clock)
    : comm_(comm),
      clock_(clock),
      offset_(synchronise_clock(comm, clock, shares_root_host(comm))),
      margin_s_(measure_margin(comm, clock)) {}

double AlignedStart::wait() const {
    comm_.barrier();
    double const start = comm_.broadcast(to_root(clock_.now()) + margin_s_);
    constexpr double spin_s = 100e-6;
    for (;;) {
        double const left = start - to_root(clock_.now());
        if (left <= 0) return start;
        if (left > 2 * spin_s)
            std::this_thread::sleep_for(std::chrono::duration<double>(left - spin_s));
        else
            sched_yield();  // somebody else may need this core to get here
    }
}

}  // namespace epsim
