#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/route.hpp"
#include "measure/array.hpp"

namespace epsim {

/// exchange.algorithm = auto: one of these, whichever is fastest.
inline constexpr char const* auto_algorithm = "auto";

/// Algorithms for plans that share rows that way: those that hand rows on where there are several
/// nodes, or where only they can share.
std::vector<std::string> exchange_candidates(ClusterTopology const& topology, Dedup dedup);

/// Algorithms that move rows which lie in the order of their destinations, straight.
std::vector<std::string> transport_candidates();

/// Rows of each hop [source, destination] of an algorithm, of rows that each go to one rank.
/// \param rows [source, destination] from where they start to where they end
std::vector<Array<int64_t, 2>> hop_rows(std::string_view algorithm, Array<int64_t, 2> const& rows,
                                        ClusterTopology const& topology);

}  // namespace epsim
