#pragma once

#include <cstdint>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "core/ids.hpp"
#include "measure/array.hpp"

namespace epsim {

/// Bytes that one rank hands to another in one round of an exchange.
struct Message {
    RankId from, to;
    int64_t bytes;
};

/// What an exchange algorithm puts on the wire: rounds that each rank goes through in order; the
/// messages of a round are independent. What runs, what is accounted for and what is predicted.
struct ExchangeSchedule {
    std::vector<std::vector<Message>> rounds;
};

/// One round, a message for every pair with bytes, self included: what MPI_Alltoallv is asked for.
/// \param bytes [source, destination]
ExchangeSchedule alltoallv_schedule(Array<int64_t, 2> const& bytes);

/// Bytes that each rank sends over each class of link, self copies included: [R, link_class].
Array<int64_t, 2> wire_bytes(ExchangeSchedule const& schedule, ClusterTopology const& topology);

}  // namespace epsim
