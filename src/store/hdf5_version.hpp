#pragma once

#include <string>

namespace epsim {

/// Version of the HDF5 library as loaded: "1.10.8".
std::string hdf5_version();

}  // namespace epsim
