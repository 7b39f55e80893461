#pragma once

#include <limits>

namespace epsim {

/// Where a figure lies with a stated confidence. NaN, NaN where the samples do not support one.
struct Interval {
    double low = std::numeric_limits<double>::quiet_NaN();
    double high = std::numeric_limits<double>::quiet_NaN();

    bool operator==(Interval const&) const = default;
};

}  // namespace epsim
