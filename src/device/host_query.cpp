#include <hwloc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "core/error.hpp"
#include "device/device_query.hpp"

namespace epsim {
namespace {

struct DestroyTopology {
    void operator()(hwloc_topology_t t) const noexcept { hwloc_topology_destroy(t); }
};
using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

struct FreeBitmap {
    void operator()(hwloc_bitmap_t b) const noexcept { hwloc_bitmap_free(b); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, FreeBitmap>;

Topology load_topology() {
    hwloc_topology_t handle = nullptr;
    check(hwloc_topology_init(&handle) == 0, "hwloc_topology_init");
    Topology topology(handle);
    check(hwloc_topology_load(handle) == 0, "hwloc_topology_load");
    return topology;
}

/// Hardware threads that this process is bound to; all, where binding is not supported.
Bitmap usable_threads(hwloc_topology_t topology) {
    Bitmap usable(hwloc_bitmap_alloc());
    auto const all = hwloc_topology_get_topology_cpuset(topology);
    if (hwloc_get_cpubind(topology, usable.get(), HWLOC_CPUBIND_PROCESS) != 0)
        hwloc_bitmap_copy(usable.get(), all);
    hwloc_bitmap_and(usable.get(), usable.get(), all);
    return usable;
}

/// Objects that hold at least one of the threads.
int count(hwloc_topology_t topology, hwloc_const_bitmap_t threads, hwloc_obj_type_t type) {
    int n = 0;
    for (hwloc_obj_t object = nullptr;
         (object = hwloc_get_next_obj_covering_cpuset_by_type(topology, threads, type, object));)
        ++n;
    return n;
}

void describe_last_level_cache(hwloc_topology_t topology, hwloc_const_bitmap_t threads,
                               HostInfo& host) {
    for (auto const type : {HWLOC_OBJ_L5CACHE, HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L3CACHE,
                            HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L1CACHE})
        if (auto const cache =
                hwloc_get_next_obj_covering_cpuset_by_type(topology, threads, type, nullptr)) {
            host.last_level_cache_bytes = static_cast<double>(cache->attr->cache.size);
            host.last_level_caches = count(topology, threads, type);
            return;
        }
}

int numa_node(hwloc_topology_t topology, hwloc_const_bitmap_t threads) {
    Bitmap const nodes(hwloc_bitmap_alloc());
    if (hwloc_cpuset_to_nodeset(topology, threads, nodes.get()) != 0) return -1;
    return hwloc_bitmap_weight(nodes.get()) == 1 ? hwloc_bitmap_first(nodes.get()) : -1;
}

std::string list_of(hwloc_const_bitmap_t threads) {
    char* text = nullptr;
    check(hwloc_bitmap_list_asprintf(&text, threads) >= 0, "hwloc_bitmap_list_asprintf");
    std::unique_ptr<char, decltype(&std::free)> const owner(text, std::free);
    return text;
}

/// All caches of data, each counted once.
double all_caches(hwloc_topology_t topology) {
    double bytes = 0;
    for (auto const type : {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE,
                            HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L5CACHE})
        for (hwloc_obj_t cache = nullptr;
             (cache = hwloc_get_next_obj_by_type(topology, type, cache));)
            bytes += static_cast<double>(cache->attr->cache.size);
    return bytes;
}

std::string hostname() {
    std::array<char, 256> name{};
    check(gethostname(name.data(), name.size() - 1) == 0, "gethostname");
    return name.data();
}

Bitmap parse_list(std::string const& threads) {
    Bitmap set(hwloc_bitmap_alloc());
    check(hwloc_bitmap_list_sscanf(set.get(), threads.c_str()) == 0, "hwloc_bitmap_list_sscanf");
    return set;
}

}  // namespace

bool is_within(std::string const& inner, std::string const& outer) {
    return hwloc_bitmap_isincluded(parse_list(inner).get(), parse_list(outer).get()) != 0;
}

HostInfo query_host() {
    auto const topology = load_topology();
    auto const threads = usable_threads(topology.get());
    auto const package = hwloc_get_next_obj_covering_cpuset_by_type(topology.get(), threads.get(),
                                                                    HWLOC_OBJ_PACKAGE, nullptr);
    char const* const model = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : nullptr;

    HostInfo host;
    host.hostname = hostname();
    host.cpu_model = model ? model : "unknown";
    host.physical_cores = count(topology.get(), threads.get(), HWLOC_OBJ_CORE);
    host.cache_bytes = all_caches(topology.get());
    host.hardware_threads = hwloc_bitmap_weight(threads.get());
    // hwloc adds up what the nodes had at boot, which misses memory plugged in later.
    host.memory_bytes =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    host.cpuset = list_of(threads.get());
    host.numa = numa_node(topology.get(), threads.get());
    describe_last_level_cache(topology.get(), threads.get(), host);
    return host;
}

}  // namespace epsim
