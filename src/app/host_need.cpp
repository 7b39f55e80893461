#include "app/host_need.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>
#include <sstream>

#include "comm/mpi_session.hpp"
#include "core/text.hpp"
#include "device/device_query.hpp"
#include "device/host_memory.hpp"

namespace epsim {

double HostNeed::total() const {
    return std::accumulate(part.begin(), part.end(), 0.0);
}

HostNeed host_need(Communicator const& comm, std::span<double const> mine) {
    HostNeed need{query_host().hostname, 0, std::vector<double>(mine.size()), available_memory()};
    auto const hosts = comm.all_gather(need.hostname);
    auto const parts = comm.all_gather(fmt::format("{}", fmt::join(mine, " ")));
    for (std::size_t r = 0; r < hosts.size(); ++r) {
        if (hosts[r] != need.hostname) continue;
        ++need.ranks;
        std::istringstream text(parts[r]);
        for (double& sum : need.part) {
            double bytes = 0;
            text >> bytes;
            sum += bytes;
        }
    }
    comm.barrier();
    return need;
}

void require_memory(Communicator const& comm, double bytes, char const* what, char const* advice) {
    auto const need = host_need(comm, std::span(&bytes, 1));
    on_all_ranks(comm, [&] {
        if (!need.fits())
            throw InputError(fmt::format("{} ranks need up to {} on {} {}, {} are left. {}",
                                         need.ranks, format_bytes(need.total()), need.hostname,
                                         what, format_bytes(need.left), advice));
    });
}

}  // namespace epsim
