#include <fmt/format.h>

#include <cmath>

#include "measure/summary_rows.hpp"

namespace epsim {

void summarise_bounds(SummaryInput const& input, SummaryRows& rows) {
    auto const& record = input.record;
    if (record.bound.empty()) return;
    auto const layers = static_cast<int64_t>(record.layer.size());
    auto const busy = phase_quantiles(input.iterations, layers, any_rank(record), 0.5);
    double step = 0, least_step = 0;
    bool bounded = false;
    auto const add = [&](std::string const& of, std::string const& time, double seconds,
                         double bound, double least, char const* how) {
        auto const name = "bound_" + of;
        rows.add(name, bound, "s", std::ssize(record.step), how);
        rows.add(name + "_ratio", bound / seconds, "1", input.measured,
                 fmt::format("{} / {}: the share of its bound that was reached; 1 = at the limit, "
                             "over 1 = faster than the ceilings say",
                             name, time));
        rows.add(
            fmt::format("least_{}_ratio", name), least / seconds, "1", input.measured,
            fmt::format("the same of T_lb*, the least time whatever the algorithm, / {}", time));
    };
    for (std::size_t p = 0; p < phase_count; ++p) {
        auto const phase = static_cast<Phase>(p);
        double const bound = step_mean(record.bound, input.iterations, phase);
        if (std::isnan(bound)) continue;
        double const least = step_mean(record.least_bound, input.iterations, phase);
        double const seconds = step_mean(busy, input.iterations, phase);
        std::string const name(name_of(phase));
        auto const time = fmt::format("phase_{}_busy_p50", name);
        rows.add(time, seconds, "s", input.measured,
                 "median over iterations of the time in which at least one rank was in the phase, "
                 "summed over layers, mean over steps: what a bound of all ranks bounds, since "
                 "ranks that share cores need not be in it at once");
        add(name, time, seconds, bound, least,
            "least time of the phase as it is done, T_lb: max over resources of alpha + load / "
            "ceiling, ceilings as measured in this run; summed over layers, mean over steps");
        step += bound;
        least_step += least;
        bounded = true;
    }
    if (bounded)
        add("step", "step_time", input.step_time, step, least_step,
            "sum of all bound_*: least time of a step whose ranks go through the phases together; "
            "ranks that are in different phases at once can be faster");
}

}  // namespace epsim
