#pragma once

#include <filesystem>
#include <string>

namespace epsim::test {

/// Where the plugins for the tests are: beside the test program, wherever that was taken.
inline std::filesystem::path plugin_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "plugins";
}

inline std::string plugin_path(std::string const& name) {
    return plugin_folder() / (name + ".so");
}

}  // namespace epsim::test
