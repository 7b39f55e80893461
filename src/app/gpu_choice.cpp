#include "app/gpu_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "comm/mpi_session.hpp"
#include "device/gpu.hpp"

namespace epsim {
namespace {

/// NCCL refuses two ranks on one GPU unless they say that they are on different hosts (up to 2.29),
/// or that it is meant (from 2.30). What the user has set stays.
void let_nccl_share(std::string const& host, RankId rank) {
    constexpr int keep = 0;
    setenv("NCCL_HOSTID", fmt::format("{}-{}", host, index(rank)).c_str(), keep);
    setenv("NCCL_MULTI_RANK_GPU_ENABLE", "1", keep);
    setenv("NCCL_NET", "Socket", keep);
    setenv("NCCL_SOCKET_IFNAME", "lo", keep);
    setenv("NCCL_MNNVL_ENABLE", "0", keep);
}

}  // namespace

GpuChoice choose_gpu(Communicator const& comm, bool allow_oversubscribe) {
    auto const host = query_host().hostname;
    auto const hosts = comm.all_gather(host);
    auto const mine = hosts.begin() + index(comm.rank());
    GpuChoice choice;
    on_all_ranks(comm, [&] {
        choice.gpu = use_gpu(static_cast<int>(std::count(hosts.begin(), mine, host)));
    });
    auto uuids = comm.all_gather(choice.gpu.uuid);
    std::ranges::sort(uuids);
    auto const twice = std::ranges::adjacent_find(uuids);
    choice.shared = twice != uuids.end();
    on_all_ranks(comm, [&] {
        if (choice.shared && !allow_oversubscribe)
            throw InputError(fmt::format(
                "several ranks would use the GPU {} (there are fewer GPUs than ranks). Start fewer "
                "ranks, or set --compute.allow_oversubscribe=true to check correctness",
                *twice));
    });
    if (choice.shared) let_nccl_share(host, comm.rank());
    return choice;
}

}  // namespace epsim
