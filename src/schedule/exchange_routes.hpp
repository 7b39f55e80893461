#pragma once

#include <string_view>

#include "dispatch/route.hpp"

namespace epsim {

/// How rank `mine` groups and sends rows in each hop of an algorithm.
/// \throws InputError if the algorithm cannot merge rows that way, or cannot but merge them
Routes exchange_routes(std::string_view algorithm, Placement const& placement,
                       ClusterTopology const& topology, Dedup dedup, RankId mine);

}  // namespace epsim
