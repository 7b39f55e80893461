#include "app/rank_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

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
    int64_t const cores = host.physical_cores;
    // Of ranks that can run nowhere but on this one's cores, itself among them.
    auto const sum = [&](int64_t mine) {
        int64_t total = 0;
        for (auto const& text :
             comm.all_gather(fmt::format("{}\n{}\n{}", mine, host.cpuset, host.hostname))) {
            auto const first = text.find('\n'), second = text.find('\n', first + 1);
            if (text.substr(second + 1) == host.hostname &&
                is_within(text.substr(first + 1, second - first - 1), host.cpuset))
                total += std::stoll(text);
        }
        return total;
    };
    int64_t const sharing = sum(1);
    int64_t const own = threads > 0 ? threads : std::max<int64_t>(1, cores / sharing);
    return {narrow<int>(own), comm.all_max(int64_t{sum(own) > cores}) != 0};
}

}  // namespace epsim
