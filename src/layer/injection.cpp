#include "layer/injection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/error.hpp"

namespace epsim {

Injection::Injection(InjectOptions const& options, RankId here)
    : active_(options.phase != "none" && (options.rank < 0 || options.rank == index(here))),
      delay_s_(options.delay_us * 1e-6),
      slowdown_(options.slowdown) {
    if (options.phase == "none") return;
    auto const found = std::ranges::find(phase_names, options.phase);
    if (found == phase_names.end())
        throw InputError(fmt::format("inject.phase = {} is no phase (known: {}). Choose one",
                                     options.phase, fmt::join(phase_names, ", ")));
    phase_ = static_cast<Phase>(found - phase_names.begin());
}

void Injection::pass(double seconds) const {
    double const end = clock_.now() + seconds;
    constexpr double spin_s = 200e-6;  // what a sleep may last too long
    if (seconds > 2 * spin_s)
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds - spin_s));
    while (clock_.now() < end) {
    }
}

}  // namespace epsim
