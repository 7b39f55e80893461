#include "schedule/exchange_routes.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

Routes exchange_routes(std::string_view algorithm, Placement const& placement,
                       ClusterTopology const& topology, Dedup dedup, RankId mine) {
    if (algorithm == "rail") return rail_routes(placement, topology, dedup, mine);
    if (algorithm == "hierarchical") return hierarchical_routes(placement, topology, dedup, mine);
    if (algorithm == "allgather" && dedup != Dedup::rank)
        throw InputError(fmt::format(
            "exchange.algorithm = allgather with exchange.dedup = {} (every token comes to a rank "
            "once, whatever it serves there). Use exchange.dedup = rank",
            name_of(dedup)));
    return flat_routes(placement, dedup);
}

}  // namespace epsim
