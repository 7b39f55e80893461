#include "device/host_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace epsim {
namespace {

namespace fs = std::filesystem;

constexpr double no_limit = std::numeric_limits<double>::infinity();

/// The number after a word of a file; its first number if the word is empty.
std::optional<double> number_in_file(fs::path const& path, std::string const& after = "") {
    std::ifstream file(path);
    double number = 0;
    if (after.empty()) return file >> number ? std::optional(number) : std::nullopt;
    for (std::string word; file >> word;)
        if (word == after) return file >> number ? std::optional(number) : std::nullopt;
    return std::nullopt;
}

/// The files of one version of control groups.
struct GroupFiles {
    char const *limit, *usage, *reclaimable;
};
constexpr GroupFiles v1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr GroupFiles v2{"memory.max", "memory.current", "inactive_file"};

/// What a group leaves. Files in its cache give way, so they do not count as used.
double left_by(fs::path const& group, GroupFiles const& files) {
    auto const limit = number_in_file(group / files.limit);  // none: "max", or no such file
    auto const usage = number_in_file(group / files.usage);
    if (!limit || !usage) return no_limit;
    double const cache = number_in_file(group / "memory.stat", files.reclaimable).value_or(0);
    return std::max(0.0, *limit - std::max(0.0, *usage - cache));
}

/// The least that a group and those above it leave. A container may see only the upper ones.
double left_by_groups(fs::path const& mount, fs::path group, GroupFiles const& files) {
    double left = left_by(mount, files);
    for (group = group.relative_path(); !group.empty(); group = group.parent_path())
        left = std::min(left, left_by(mount / group, files));
    return left;
}

}  // namespace

double available_memory(fs::path const& root) {
    double left = number_in_file(root / "proc/meminfo", "MemAvailable:").value_or(no_limit) * 1024;
    std::ifstream groups(root / "proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {  // "4:memory:/path" or "0::/path"
        auto const first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        auto const controllers = line.substr(first + 1, second - first - 1);
        fs::path const group = line.substr(second + 1), mount = root / "sys/fs/cgroup";
        if (controllers.empty()) left = std::min(left, left_by_groups(mount, group, v2));
        if (controllers == "memory")
            left = std::min(left, left_by_groups(mount / "memory", group, v1));
    }
    return left;
}

}  // namespace epsim
