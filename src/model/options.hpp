#pragma once

#include <string>

#include "core/dtype.hpp"

namespace epsim {

/// [model], beside the fields of ModelShape.
struct ModelOptions {
    std::string preset;  ///< a file of configs/models without its ending; empty = none
    double scale = 1;    ///< multiplies `hidden` only, so compute per wire byte stays true
    std::string layers =
        "all";  ///< "all", the first n ("4"), or a list of layer numbers ("[1,2,26]")
    bool distinct_weights = true;  ///< false: every layer uses the first one's (tag warm-weights)
    DType dtype = DType::bf16;
};

}  // namespace epsim
