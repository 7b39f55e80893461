#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string_view>

namespace epsim {

/// What can set the least time of a phase.
enum class Resource {
    rank_flops,    ///< arithmetic of one rank
    node_flops,    ///< of all ranks of a node together
    rank_memory,   ///< memory traffic of one rank, reads and writes summed
    node_memory,   ///< of all ranks of a node together
    node_link,     ///< one message inside a node
    network_link,  ///< one message between nodes
    node_port,     ///< all that ranks of one node receive from each other
    network_port   ///< all that a rank, or a node, sends to or receives from other nodes
};
inline constexpr std::array<std::string_view, 8> resource_names{
    "FLOP/s, rank", "FLOP/s, node",  "memory, rank", "memory, node",
    "link, node",   "link, network", "port, node",   "port, network"};

/// A time that something cannot take less than, and the resource that says so.
struct LowerBound {
    double seconds = std::numeric_limits<double>::quiet_NaN();  ///< NaN = no bound
    Resource resource = Resource::rank_flops;                   ///< of a bound only

    bool exists() const noexcept { return !std::isnan(seconds); }
    /// The larger of both; NaN is none.
    void raise(double other, Resource by) {
        if (std::isfinite(other) && !(other <= seconds)) *this = {other, by};
    }
};

}  // namespace epsim
