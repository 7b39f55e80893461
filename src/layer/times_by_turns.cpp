#include "layer/times_by_turns.hpp"

#include <algorithm>
#include <cmath>

#include "measure/clock.hpp"
#include "measure/statistics.hpp"

namespace epsim {
namespace {

/// Seconds a call, of the slowest rank.
double time_calls(std::function<void()> const& candidate, int calls, Communicator const& comm) {
    MonotonicClock const clock;
    comm.barrier();
    double const begin = clock.now();
    for (int i = 0; i < calls; ++i) candidate();
    return comm.all_max(clock.now() - begin) / calls;
}

/// A single short call is over before all ranks have left the barrier.
int calls_a_turn(double seconds) {
    constexpr double turn_s = 1e-3, most = 30;
    return static_cast<int>(std::clamp(std::ceil(turn_s / seconds), 1.0, most));
}

}  // namespace

std::vector<double> times_by_turns(std::span<std::function<void()> const> candidates,
                                   Communicator const& comm, TrialEffort effort,
                                   std::function<void()> const& before_round) {
    std::vector<int> calls;
    for (auto const& candidate : candidates) {
        before_round();
        candidate();
        calls.push_back(calls_a_turn(time_calls(candidate, 1, comm)));
    }
    std::vector<std::vector<double>> times(candidates.size());
    double spent_s = 0;  // as all ranks know it
    for (int round = 0; round < effort.most_rounds; ++round) {
        if (round >= effort.least_rounds && spent_s > effort.seconds) break;
        before_round();
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            auto const c = (i + static_cast<std::size_t>(round)) % candidates.size();
            times[c].push_back(time_calls(candidates[c], calls[c], comm));
            spent_s += times[c].back() * calls[c];
        }
    }
    std::vector<double> medians;
    for (auto const& of_candidate : times) medians.push_back(median(of_candidate));
    return medians;
}

}  // namespace epsim
