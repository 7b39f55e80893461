#pragma once

#include <string>

namespace epsim {

/// The MPI library as loaded, in its own words: "Open MPI v4.1.4, ...". Before MPI_Init too.
std::string mpi_library_version();

}  // namespace epsim
