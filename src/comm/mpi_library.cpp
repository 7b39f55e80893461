#include "comm/mpi_library.hpp"

#include <mpi.h>

#include <array>

#include "core/error.hpp"

namespace epsim {

std::string mpi_library_version() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    check(MPI_Get_library_version(text.data(), &length) == MPI_SUCCESS, "MPI_Get_library_version");
    while (length > 0 && text[static_cast<std::size_t>(length) - 1] == ' ') --length;
    return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace epsim
