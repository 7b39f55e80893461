#pragma once

#include <memory>

#include "comm/communicator.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// MPI_Alltoall and MPI_Alltoallv on a communicator that must outlive the transport.
std::unique_ptr<Transport> make_mpi_transport(Communicator const& comm);

}  // namespace epsim
