#include "app/run_facts.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <random>
#include <sstream>

#include "app/provenance.hpp"
#include "core/build_info.hpp"
#include "device/device_query.hpp"

namespace epsim {
namespace {

constexpr char const* job_variables[] = {
    "SLURM_JOB_ID",       "SLURM_JOB_NAME",       "SLURM_JOB_NUM_NODES", "SLURM_NTASKS",
    "SLURM_CLUSTER_NAME", "SLURM_JOB_PARTITION",  "SLURM_ARRAY_TASK_ID", "PBS_JOBID",
    "FLUX_JOB_ID",        "OMPI_COMM_WORLD_SIZE", "OMP_NUM_THREADS",     "CUDA_VISIBLE_DEVICES"};

}  // namespace

std::map<std::string, std::string> job_environment() {
    std::map<std::string, std::string> job;
    for (char const* name : job_variables)
        if (char const* value = std::getenv(name)) job[name] = value;
    return job;
}

void note_run(RunRecord& record) {
    record.provenance.merge(local_provenance());
    record.provenance["job"] = job_environment();
    record.date = utc_now();
    record.run_uuid = random_uuid();
    record.software_version = build_info().version;
    record.git_sha = build_info().git_sha;
    record.git_dirty = build_info().git_dirty;
}

std::vector<RankPlace> rank_places(Communicator const& comm, ClusterTopology const& cluster,
                                   GpuInfo const& gpu) {
    auto const host = query_host();
    auto const mine = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", host.hostname, host.numa, host.cpuset,
                                  gpu.name.empty() ? "cpu" : gpu.name, gpu.uuid, gpu.pci);
    std::vector<RankPlace> places;
    for (auto const& text : comm.all_gather(mine)) {
        std::array<std::string, 6> fact;
        std::istringstream lines(text);
        for (auto& line : fact) std::getline(lines, line);
        RankId const rank{static_cast<int32_t>(places.size())};
        RankPlace place;
        place.hostname = fact[0];
        place.numa = std::stoi(fact[1]);
        place.cpuset = fact[2];
        place.node = cluster.node_of(rank);
        place.local_rank = cluster.local_rank(rank);
        place.device = fact[3];
        place.device_uuid = fact[4];
        place.pci = fact[5];
        places.push_back(std::move(place));
    }
    return places;
}

std::string utc_now() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::string random_uuid() {
    std::random_device random;
    auto const word = [&] { return static_cast<uint32_t>(random()); };
    uint32_t const a = word(), b = word(), c = word(), d = word();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", a, b >> 16, b & 0xfffu,
                       0x8000u | (c >> 18), c & 0xffffu, d);
}

}  // namespace epsim
