#pragma once

#include <memory>
#include <string_view>

#include "comm/communicator.hpp"
#include "exchange/exchange.hpp"
#include "exchange/exchange_shape.hpp"

namespace epsim {

/// An exchange over MPI by the algorithm of that name. Collective. The communicator must outlive
/// it.
/// \throws InputError on an unknown algorithm, or one that cannot merge rows that way
std::unique_ptr<Exchange> make_mpi_exchange(Communicator const& comm, std::string_view algorithm,
                                            Placement const& placement,
                                            ClusterTopology const& topology, Dedup dedup,
                                            ExchangeShape const& shape);

}  // namespace epsim
