#include "measure/stopping_rule.hpp"

#include <fmt/format.h>

namespace epsim {

std::string StoppingRule::reason(Array<double, 2> const& times) const {
    auto const passes = times.extent(0);
    if (max_passes > 0 && passes >= max_passes)
        return fmt::format("measure.max_passes = {} reached", max_passes);
    if (passes >= min_passes) return fmt::format("measure.min_passes = {} done", min_passes);
    return "";
}

}  // namespace epsim
