#pragma once

#include <string>

namespace epsim {

/// [compute]
struct ComputeOptions {
    std::string device = "cpu";  ///< cpu | cuda
    std::string kernel =
        "auto";  ///< auto (onednn, or reference where that lacks the type) | reference | onednn
    int threads = 0;  ///< a rank; 0 = cores of the node / ranks on it, at least 1
};

}  // namespace epsim
