#include "comm/mpi_library.hpp"

#include <mpi.h>

#include <array>

#include "core/error.hpp"

namespace epsim {

std::string mpi_library_version() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    check(MPI_Get_library_version(text.data(), &length) == MPI_SUCCESS, "MPI_Get_library_version");
    return text.data();  // not by length: Open MPI counts the closing zero
}

}  // namespace epsim
