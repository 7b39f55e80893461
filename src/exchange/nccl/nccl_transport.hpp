#pragma once

#include <functional>
#include <memory>

#include "comm/communicator.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// Makes transports of one NCCL communicator over these ranks; counts and metadata travel by the
/// host's transport. Collective, as what it returns is.
/// \param equal all ranks send equally many rows to each: ncclAlltoAll; else grouped sends and
///              receives of those that are any
/// \throws InputError if built without CUDA, or there is no NCCL
std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport> host)> nccl_transports(
    Communicator const& comm, bool equal);

}  // namespace epsim
