#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace epsim {

/// What was checked of one file or directory.
struct Verification {
    std::filesystem::path path;
    std::string what;                     ///< "result, complete, measured", ...
    std::vector<std::string> held;        ///< rules that hold
    std::vector<std::string> violations;  ///< "rule: what differs and by how much"
};

/// Verify a run directory (and its cases), a result, trace or calibration file: schema, hashes and,
/// of results, that no row or byte was lost.
/// \throws InputError if it is none of them, or unreadable
std::vector<Verification> verify(std::filesystem::path const& path);

}  // namespace epsim
