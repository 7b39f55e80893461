#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// One GPU as CUDA reports it.
struct GpuInfo {
    std::string name, uuid, pci;
    int compute_major = 0, compute_minor = 0;
    double memory_bytes = 0;
};

/// What the CUDA backend finds at run time. Versions are those of the libraries as loaded.
struct CudaInfo {
    bool built = false;       ///< this program was built with CUDA
    std::string unavailable;  ///< why no device can be used, as a message; empty if one can
    std::string driver, runtime, cublas, nccl;  ///< versions; empty = not known
    std::vector<GpuInfo> devices;
};

/// Never throws for a missing driver or device: it says so in `unavailable`.
CudaInfo query_cuda();

/// Refuse a device that cannot run experts here.
/// \throws InputError
void require_device(std::string_view name);

/// This host, as far as the calling process may use it.
struct HostInfo {
    std::string hostname;
    std::string cpu_model;              ///< "unknown" if the host does not say
    int physical_cores = 0;             ///< with a usable hardware thread
    int hardware_threads = 0;           ///< usable by this process
    double memory_bytes = 0;            ///< of the host; see also device/host_memory
    double cache_bytes = 0;             ///< of all caches of the host; 0 = unknown
    std::string cpuset;                 ///< usable hardware threads, "0-1"
    int numa = -1;                      ///< NUMA node of the cpuset; -1 = several or unknown
    double last_level_cache_bytes = 0;  ///< that one core sees; 0 = unknown
    int last_level_caches = 0;          ///< with a usable hardware thread
};

/// \throws Error if the operating system does not tell
HostInfo query_host();

/// Whether every hardware thread of `inner` is one of `outer`; both as in HostInfo::cpuset.
bool is_within(std::string const& inner, std::string const& outer);

}  // namespace epsim
