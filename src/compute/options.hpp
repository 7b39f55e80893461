#pragma once

#include <string>

namespace epsim {

/// [compute]
struct ComputeOptions {
    std::string device = "cpu";  ///< cpu | cuda
    /// cpu (own, AVX-512) | onednn | reference (fp64) | auto: the first of these that this CPU can
    /// run at the speed of the weights' type. On a GPU: cublas (grouped; auto) | cublas-loop
    std::string kernel = "auto";
    bool allow_oversubscribe = false;  ///< several ranks on one GPU, for correctness alone
    double emulate_us = 0;  ///< the experts of a layer take this time a rank instead of being
                            ///< computed; 0 = compute them
    int threads = 0;        ///< a rank; 0 = cores of the node / ranks on it, at least 1
};

}  // namespace epsim
