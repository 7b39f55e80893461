#pragma once

#include "device/device_query.hpp"

namespace epsim {

/// Make the GPU of a rank's place on its node this process's: number local_rank of those that the
/// process sees, counted around. Once, on the main thread, before any memory of a GPU.
/// \throws InputError if there is none
GpuInfo use_gpu(int local_rank);

}  // namespace epsim
