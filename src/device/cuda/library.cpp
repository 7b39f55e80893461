#include "device/cuda/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <glob.h>

#include <cstdlib>
#include <vector>

#include "core/error.hpp"

namespace epsim {
namespace {

void add_matches(std::string const& pattern, std::vector<std::string>& paths) {
    glob_t found{};
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
        paths.insert(paths.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
}

std::vector<std::string> candidates(std::string const& soname, char const* variable) {
    if (char const* path = std::getenv(variable)) return {path};
    std::vector<std::string> paths{soname, "/usr/local/cuda/lib64/" + soname};
    std::vector<std::string> pythons;
    for (char const* root : {"VIRTUAL_ENV", "CONDA_PREFIX"})
        if (char const* path = std::getenv(root)) pythons.push_back(path + std::string("/lib"));
    if (char const* path = std::getenv("HOME"))
        pythons.push_back(path + std::string("/.local/lib"));
    pythons.insert(pythons.end(), {"/usr/local/lib", "/usr/lib", "/opt/*/.venv/lib"});
    for (auto const& root : pythons)
        for (char const* packages : {"site-packages", "dist-packages"})
            add_matches(fmt::format("{}/python3*/{}/nvidia/*/lib/{}", root, packages, soname),
                        paths);
    return paths;
}

}  // namespace

Library::Library(char const* soname, char const* variable) : soname_(soname), variable_(variable) {
    std::string reason;
    for (auto const& path : candidates(soname, variable)) {
        handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_) {
            path_ = path;
            return;
        }
        if (reason.empty()) reason = dlerror();
    }
    why_not_ = fmt::format("{} not found ({})", soname, reason);
}

void* Library::symbol(char const* name) const {
    if (!found())
        throw InputError(
            fmt::format("{}. Install it, or name it in the variable {}", why_not_, variable_));
    void* const address = dlsym(handle_, name);
    if (!address)
        throw InputError(fmt::format(
            "{} has no {} (it is too old). Install a newer one, or name it in the variable {}",
            path_, name, variable_));
    return address;
}

}  // namespace epsim
