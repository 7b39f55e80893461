#include "layer/injection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "core/error.hpp"

namespace epsim {

void require_possible(InjectOptions const& options, int ranks, std::span<Phase const> phases,
                      std::string_view setting) {
    if (options.rank >= ranks)
        throw InputError(fmt::format(
            "inject.rank = {} with {} MPI rank{} (they are counted from 0). Choose one of them, or "
            "all",
            options.rank, ranks, ranks == 1 ? "" : "s"));
    if (options.phase == "none") return;
    std::vector<std::string_view> names;
    for (Phase const phase : phases) names.push_back(name_of(phase));
    if (std::ranges::find(names, options.phase) == names.end())
        throw InputError(
            fmt::format("inject.phase = {} with {} (there only these phases are sure to happen: "
                        "{}). Choose one "
                        "of them",
                        options.phase, setting, fmt::join(names, ", ")));
}

Injection::Injection(InjectOptions const& options, RankId here)
    : active_(options.phase != "none" && (options.rank < 0 || options.rank == index(here))),
      delay_s_(options.delay_us * 1e-6),
      slowdown_(options.slowdown) {
    if (options.phase == "none") return;
    auto const found = std::ranges::find(phase_names, options.phase);
    check(found != phase_names.end(), "a disturbed phase is one");
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
