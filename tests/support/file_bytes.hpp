#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace epsim {

inline std::string read_bytes(std::filesystem::path const& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}
inline void write_bytes(std::filesystem::path const& path, std::string const& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace epsim
