#pragma once

#include "comm/communicator.hpp"
#include "device/device_query.hpp"

namespace epsim {

/// The GPU of a rank.
struct GpuChoice {
    GpuInfo gpu;
    bool shared = false;  ///< some GPU serves several ranks
};

/// Each rank takes the GPU of its place among the ranks of its host. Where several share one, NCCL
/// is told so in the environment. Collective.
/// \throws CollectiveError if there is none, or it is shared and that is not allowed
GpuChoice choose_gpu(Communicator const& comm, bool allow_oversubscribe);

}  // namespace epsim
