#include "app/rank_layout.hpp"

#include <algorithm>

#include "core/cast.hpp"
#include "device/device_query.hpp"

namespace epsim {

std::unique_ptr<ClusterTopology> make_topology(ClusterOptions const& options,
                                               Communicator const& comm) {
    if (options.ranks_per_node > 0)
        return std::make_unique<ClusterTopology>(
            ClusterTopology::blocks(comm.size(), options.ranks_per_node));
    auto const hosts = comm.all_gather(query_host().hostname);
    return std::make_unique<ClusterTopology>(ClusterTopology::by_host(hosts));
}

CoreShare share_cores(Communicator const& comm, int threads) {
    auto const host = query_host();
    auto const mine = host.hostname + '\n' + host.cpuset;
    int64_t sharing = 0;
    for (auto const& other : comm.all_gather(mine)) sharing += other == mine;
    int64_t const cores = host.physical_cores;
    int64_t const own = threads > 0 ? threads : std::max<int64_t>(1, cores / sharing);
    return {narrow<int>(own), comm.all_max(int64_t{sharing * own > cores}) != 0};
}

}  // namespace epsim
