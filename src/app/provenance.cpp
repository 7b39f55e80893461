#include "app/provenance.hpp"

#include <fmt/format.h>

#include "comm/mpi_library.hpp"
#include "compute/onednn_version.hpp"
#include "core/build_info.hpp"
#include "core/text.hpp"
#include "device/device_query.hpp"
#include "store/hdf5_version.hpp"

namespace epsim {
namespace {

using Group = Provenance::mapped_type;

Group build_facts() {
    auto const& build = build_info();
    return {{"version", build.version},
            {"git_sha", build.git_sha},
            {"git_dirty", build.git_dirty ? "yes" : "no"},
            {"compiler", build.compiler},
            {"build_type", build.build_type}};
}

Group machine_facts() {
    auto const host = query_host();
    Group facts{{"hostname", host.hostname},
                {"cpu_model", host.cpu_model},
                {"physical_cores", fmt::to_string(host.physical_cores)},
                {"hardware_threads", fmt::to_string(host.hardware_threads)},
                {"cpuset", host.cpuset},
                {"memory_bytes", fmt::format("{:.0f}", host.memory_bytes)}};
    if (host.numa >= 0) facts["numa"] = fmt::to_string(host.numa);
    if (host.last_level_cache_bytes > 0)
        facts["last_level_cache_bytes"] = fmt::format("{:.0f}", host.last_level_cache_bytes);
    return facts;
}

Group cuda_facts(CudaInfo const& cuda) {
    Group facts{{"built", cuda.built ? "yes" : "no"}};
    if (!cuda.unavailable.empty()) facts["unavailable"] = cuda.unavailable;
    if (!cuda.driver.empty()) facts["driver"] = cuda.driver;
    if (!cuda.runtime.empty()) facts["runtime"] = cuda.runtime;
    if (!cuda.cublas.empty()) facts["cublas"] = cuda.cublas;
    for (std::size_t i = 0; i < cuda.devices.size(); ++i) {
        auto const& gpu = cuda.devices[i];
        facts[fmt::format("device_{}", i)] =
            fmt::format("{}, compute {}.{}, {}, {}, {}", gpu.name, gpu.compute_major,
                        gpu.compute_minor, format_bytes(gpu.memory_bytes), gpu.uuid, gpu.pci);
    }
    return facts;
}

}  // namespace

Provenance local_provenance() {
    auto const cuda = query_cuda();
    Provenance facts{{"build", build_facts()},
                     {"mpi", {{"library", mpi_library_version()}}},
                     {"hdf5", {{"version", hdf5_version()}}},
                     {"onednn", {{"version", onednn_version()}}},
                     {"cuda", cuda_facts(cuda)},
                     {"machine", machine_facts()}};
    if (!cuda.nccl.empty()) facts["nccl"]["version"] = cuda.nccl;
    return facts;
}

}  // namespace epsim
