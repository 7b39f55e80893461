#include "store/hdf5_version.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "store/hdf5.hpp"

namespace epsim {

std::string hdf5_version() {
    hdf5::prepare();
    unsigned int major = 0, minor = 0, release = 0;
    check(H5get_libversion(&major, &minor, &release) >= 0, "H5get_libversion");
    return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace epsim
