#pragma once

namespace epsim {

/// How thoroughly a machine is measured: well under a second for a few ranks, or some seconds.
enum class ProbeMode { quick, full };

struct ProbeOptions {
    ProbeMode mode = ProbeMode::quick;
};

}  // namespace epsim
