#include "probe/hosts.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "comm/root_clock.hpp"

namespace epsim {

bool Hosts::crowded() const {
    for (std::size_t h = 0; h < cores.size(); ++h)
        if (ranks[h] > cores[h]) return true;
    return false;
}

std::vector<int> Hosts::pairs_at_once() const {
    std::vector<int> pairs;
    for (int const n : cores) pairs.push_back(std::max(1, n / 2));
    return pairs;
}

Hosts find_hosts(Communicator const& comm, HostInfo const& mine) {
    // Numbered by their first rank, so that some numbers have no host: 0 ranks, 0 cores.
    Hosts hosts{host_domains(comm), {}, {}};
    hosts.cores.resize(hosts.of_rank.size());
    hosts.ranks.resize(hosts.of_rank.size());
    auto const cpusets = comm.all_gather(mine.cpuset);
    auto const cores = comm.all_gather(std::to_string(mine.physical_cores));
    std::set<std::pair<int, std::string>> seen;  // ranks that are bound alike share their cores
    for (std::size_t r = 0; r < cpusets.size(); ++r) {
        auto const host = static_cast<std::size_t>(hosts.of_rank[r]);
        ++hosts.ranks[host];
        if (seen.emplace(hosts.of_rank[r], cpusets[r]).second)
            hosts.cores[host] += std::stoi(cores[r]);
    }
    return hosts;
}

}  // namespace epsim
