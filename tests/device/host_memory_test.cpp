#include "device/host_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace epsim {
namespace {

namespace fs = std::filesystem;

/// A host with 1000 KiB available, and the files of some control groups.
class FakeHost : public testing::Test {
protected:
    FakeHost() : root_(testing::TempDir() + "epsim_host_" + std::to_string(getpid())) {
        write("proc/meminfo", "MemTotal:  4000 kB\nMemFree: 10 kB\nMemAvailable:  1000 kB\n");
    }
    ~FakeHost() override { fs::remove_all(root_); }

    void write(std::string const& path, std::string const& text) const {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    double available() const { return available_memory(root_); }

private:
    fs::path root_;
};

TEST_F(FakeHost, WithoutGroupsGivesWhatLinuxCallsAvailable) {
    EXPECT_EQ(available(), 1000 * 1024);
}

TEST_F(FakeHost, TheTightestOfAGroupAndItsParentsCounts) {
    write("proc/self/cgroup", "0::/job/step\n");
    write("sys/fs/cgroup/job/step/memory.max", "max\n");
    write("sys/fs/cgroup/job/step/memory.current", "5\n");
    EXPECT_EQ(available(), 1000 * 1024);
    write("sys/fs/cgroup/job/memory.max", "5000\n");
    write("sys/fs/cgroup/job/memory.current", "3000\n");
    EXPECT_EQ(available(), 2000);
    write("sys/fs/cgroup/job/memory.stat", "anon 7\ninactive_file 1000\nactive_file 9\n");
    EXPECT_EQ(available(), 3000);
    write("sys/fs/cgroup/job/step/memory.max", "100\n");
    EXPECT_EQ(available(), 95);
    write("sys/fs/cgroup/job/step/memory.current", "101\n");
    EXPECT_EQ(available(), 0);
}

TEST_F(FakeHost, AContainerSeesItsLimitAtTheMount) {
    write("proc/self/cgroup", "0::/not/visible/here\n");
    write("sys/fs/cgroup/memory.max", "4096\n");
    write("sys/fs/cgroup/memory.current", "96\n");
    EXPECT_EQ(available(), 4000);
}

TEST_F(FakeHost, OldGroupsCountToo) {
    write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n");
    write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "700\n");
    write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "300\n");
    write("sys/fs/cgroup/memory/a/memory.stat", "inactive_file 1\ntotal_inactive_file 50\n");
    EXPECT_EQ(available(), 450);
}

TEST(HostMemory, OfThisHostIsPositiveAndNotAboveAll) {
    double const all =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    EXPECT_GT(available_memory(), 0);
    EXPECT_LE(available_memory(), all);
}

}  // namespace
}  // namespace epsim
