#pragma once

#include <vector>

#include "comm/communicator.hpp"
#include "device/device_query.hpp"

namespace epsim {

/// Who shares a host, and what each host has.
struct Hosts {
    std::vector<int> of_rank;  ///< [R] number of the host: its first rank
    std::vector<int> cores;    ///< [R] by host: physical, that some of its ranks may use
    std::vector<int> ranks;    ///< [R] by host

    bool crowded() const;  ///< some host has more ranks than cores
    /// [R] by host: pairs of ranks that find a core for each of them; at least one.
    std::vector<int> pairs_at_once() const;
};

/// Collective. \param mine of the calling rank
Hosts find_hosts(Communicator const& comm, HostInfo const& mine);

}  // namespace epsim
