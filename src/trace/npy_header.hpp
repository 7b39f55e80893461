#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// What the head of a .npy file says.
struct NpyHeader {
    std::string type;            ///< byte order and element type: "<f4", "|u1"
    bool fortran_order = false;  ///< first index fastest
    std::vector<int64_t> shape;
    std::size_t data = 0;  ///< where the elements begin
};

/// Format versions 1.0 and 2.0 (NEP 1): magic, length, a Python literal of a dictionary with the
/// keys descr, fortran_order and shape, each once, in any order.
/// \param file all of its bytes. \throws InputError naming `path`
NpyHeader parse_npy_header(std::string_view file, std::string const& path);

[[noreturn]] void fail_npy(std::string const& path, std::string const& reason);

}  // namespace epsim
