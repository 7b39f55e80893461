#pragma once

#include <string>

namespace epsim {

/// [measure]
struct MeasureOptions {
    int warmup = 1;  ///< passes before the measured ones; kept, flagged
    int min_passes = 5;
    int max_passes = 0;           ///< never more than these; 0 = no limit
    std::string verify = "auto";  ///< auto | full | N (tokens a step and layer) | off
};

}  // namespace epsim
