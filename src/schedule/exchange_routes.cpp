#include "schedule/exchange_routes.hpp"

namespace epsim {

Routes exchange_routes(std::string_view algorithm, Placement const& placement,
                       ClusterTopology const& topology, Dedup dedup, RankId mine) {
    if (algorithm == "rail") return rail_routes(placement, topology, dedup, mine);
    if (algorithm == "hierarchical") return hierarchical_routes(placement, topology, dedup, mine);
    return flat_routes(placement, dedup);
}

}  // namespace epsim
