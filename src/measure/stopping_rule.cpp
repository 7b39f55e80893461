#include "measure/stopping_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "measure/bootstrap.hpp"

namespace epsim {
namespace {

Estimate step_time(Array<double, 2> const& times, int64_t passes) {
    std::vector<PassSamples> steps;
    for (int64_t s = 0; s < times.extent(1); ++s) {
        steps.emplace_back();
        for (int64_t p = 0; p < passes; ++p) steps.back().push_back({p, times(p, s)});
    }
    return sum_of_medians(steps, 1.0 / static_cast<double>(times.extent(1)));
}

int64_t look_after(int64_t passes) {
    return passes + (passes + 3) / 4;
}

/// The look before `passes`, 0 if that is the first; -1 if there is none at `passes`.
int64_t look_before(int64_t passes, int64_t first) {
    int64_t before = 0;
    for (int64_t look = first; look <= passes; look = look_after(look)) {
        if (look == passes) return before;
        before = look;
    }
    return -1;
}

double half_width(Estimate const& estimate) {
    return (estimate.interval.high - estimate.interval.low) / 2 / estimate.value;
}

std::string width_text(Estimate const& estimate) {
    if (double const width = half_width(estimate); std::isfinite(width))
        return fmt::format("step time +- {:.2g} %, n_eff = {:.1f}", width * 100, estimate.n_eff);
    return fmt::format("n_eff = {:.1f} is too few for an interval", estimate.n_eff);
}

/// Why the target is reached; empty if it is not.
std::string precise_enough(Array<double, 2> const& times, int min_passes, double target_ci) {
    auto const passes = times.extent(0);
    auto const before = look_before(passes, std::max(min_passes, 1));
    if (before <= 0) return "";
    auto const now = step_time(times, passes);
    if (!(half_width(now) <= target_ci) || !(half_width(step_time(times, before)) <= target_ci))
        return "";
    return fmt::format("measure.target_ci = {:g} % reached after {} and {} passes: {}",
                       target_ci * 100, before, passes, width_text(now));
}

}  // namespace

std::string StoppingRule::reason(Array<double, 2> const& times) const {
    auto const passes = times.extent(0);
    auto const precise =
        target_ci > 0 && passes >= min_passes ? precise_enough(times, min_passes, target_ci) : "";
    if (!precise.empty()) return precise;
    if (max_passes > 0 && passes >= max_passes) {
        auto reached = fmt::format("measure.max_passes = {} reached", max_passes);
        if (target_ci <= 0) return reached;
        return fmt::format("{} before measure.target_ci = {:g} %: {}", reached, target_ci * 100,
                           width_text(step_time(times, passes)));
    }
    if (passes >= min_passes && target_ci <= 0)
        return fmt::format("measure.min_passes = {} done", min_passes);
    return "";
}

}  // namespace epsim
