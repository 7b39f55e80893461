#include "device/device_query.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <unistd.h>

#include <array>

#include "core/error.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

cpu_set_t usable_threads() {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

TEST(HostQuery, SeesWhatTheSchedulerAllows) {
    auto const host = query_host();
    cpu_set_t const usable = usable_threads();
    EXPECT_EQ(host.hardware_threads, CPU_COUNT(&usable));
    EXPECT_GE(host.physical_cores, 1);
    EXPECT_LE(host.physical_cores, host.hardware_threads);
    EXPECT_DOUBLE_EQ(host.memory_bytes, static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                                            static_cast<double>(sysconf(_SC_PAGESIZE)));
    EXPECT_GE(host.cache_bytes, host.last_level_cache_bytes);
    std::array<char, 256> name{};
    ASSERT_EQ(gethostname(name.data(), name.size() - 1), 0);
    EXPECT_EQ(host.hostname, name.data());
    EXPECT_FALSE(host.cpu_model.empty());
}

TEST(HostQuery, TellsWhichThreadsLieWithinOthers) {
    EXPECT_TRUE(is_within("1", "0-1"));
    EXPECT_TRUE(is_within("0-1", "0-1"));
    EXPECT_TRUE(is_within("2,8-9", "0-3,8-15"));
    EXPECT_FALSE(is_within("0-1", "1"));
    EXPECT_FALSE(is_within("2,7", "0-3,8-15"));
    EXPECT_FALSE(is_within("1", "10-19"));
    auto const host = query_host();
    EXPECT_TRUE(is_within(host.cpuset, host.cpuset));
    EXPECT_THROW(is_within("cores", "0"), Error);
}

TEST(HostQuery, FollowsABinding) {
    cpu_set_t const before = usable_threads();
    int thread = 0;
    while (!CPU_ISSET(thread, &before)) ++thread;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(thread, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    auto const host = query_host();
    ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
    EXPECT_EQ(host.hardware_threads, 1);
    EXPECT_EQ(host.physical_cores, 1);
    EXPECT_EQ(host.cpuset, std::to_string(thread));
    EXPECT_GE(host.numa, 0);
}

TEST(CudaQuery, SaysWhyThereIsNoDeviceOrListsThem) {
    auto const cuda = query_cuda();
    if (!cuda.built) {
        EXPECT_THAT(cuda.unavailable, HasSubstr("built without CUDA"));
    } else {
        EXPECT_THAT(cuda.runtime, HasSubstr("."));
        EXPECT_THAT(cuda.cublas, HasSubstr("."));
        EXPECT_THAT(cuda.nccl, HasSubstr("."));
    }
    EXPECT_EQ(cuda.unavailable.empty(), !cuda.devices.empty());
    for (auto const& gpu : cuda.devices) {
        EXPECT_THAT(gpu.uuid, StartsWith("GPU-"));
        EXPECT_EQ(gpu.uuid.size(), 40u);
        EXPECT_GT(gpu.memory_bytes, 0);
        EXPECT_GT(gpu.compute_major, 0);
    }
}

std::string refusal(std::string_view device) {
    try {
        require_device(device);
    } catch (InputError const& e) {
        return e.what();
    }
    return {};
}

TEST(RequireDevice, AcceptsOnlyWhatRunsExperts) {
    EXPECT_EQ(refusal("cpu"), "");
    EXPECT_EQ(refusal("tpu"), "'tpu' is no device (known: cpu, cuda). Choose one");
    EXPECT_EQ(refusal("cuda"), query_cuda().unavailable);
}

}  // namespace
}  // namespace epsim
