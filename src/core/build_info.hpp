#pragma once

#include <string>

namespace epsim {

/// Facts of the build, for provenance.
struct BuildInfo {
    std::string version;     ///< of epsim, "0.1.0"
    std::string git_sha;     ///< 40 hex digits, or "unknown" outside a git checkout
    bool git_dirty;          ///< the checkout had changes when it was built
    std::string compiler;    ///< "GNU 12.2.0"
    std::string build_type;  ///< "Release"
    std::string source_dir;  ///< where configs/ stood when it was built
};

BuildInfo const& build_info();

}  // namespace epsim
