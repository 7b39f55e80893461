#include "core/build_info.hpp"

#include "git_info.hpp"  // written at build time: cmake/git_info.cmake

namespace epsim {

BuildInfo const& build_info() {
    static BuildInfo const info{EPSIM_VERSION,  EPSIM_GIT_SHA,    EPSIM_GIT_DIRTY != 0,
                                EPSIM_COMPILER, EPSIM_BUILD_TYPE, EPSIM_SOURCE_DIR};
    return info;
}

}  // namespace epsim
