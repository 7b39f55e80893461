#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace epsim {

/// What the ranks of this host need of its memory, and what it has.
struct HostNeed {
    std::string hostname;
    int64_t ranks = 0;
    std::vector<double> part;  ///< bytes, summed over the host's ranks
    double left = 0;           ///< before any of them took some

    double total() const;
    bool fits() const { return total() <= left; }
};

/// Refuse what does not fit beside the other ranks of the host. Collective.
/// \param bytes that this rank needs   \param what for: "for rows that are sent and received"
/// \param advice what takes less: "Lower sizes.end, or use more nodes"
/// \throws CollectiveError
void require_memory(Communicator const& comm, double bytes, char const* what, char const* advice);

/// Add up what ranks of a host say that they need. Collective: nobody takes memory before all have
/// seen what is left. \param mine bytes; as many parts on every rank
HostNeed host_need(Communicator const& comm, std::span<double const> mine);

}  // namespace epsim
