#include "core/error.hpp"
#include "exchange/nccl/nccl_transport.hpp"

namespace epsim {

std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport> host)> nccl_transports(
    Communicator const&, bool) {
    throw InputError(
        "no NCCL (built without CUDA). Configure with -DEPSIM_CUDA=ON or use exchange.backend=mpi");
}

}  // namespace epsim
