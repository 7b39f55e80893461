#include "device/device_query.hpp"

namespace epsim {

CudaInfo query_cuda() {
    CudaInfo info;
    info.unavailable =
        "no CUDA device (built without CUDA). Configure with -DEPSIM_CUDA=ON or use --device=cpu";
    return info;
}

}  // namespace epsim
