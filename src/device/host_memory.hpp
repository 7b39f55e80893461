#pragma once

#include <filesystem>

namespace epsim {

/// Bytes that processes of this host may still take: what Linux calls available, or what the
/// control groups of this process (a container, a batch job) leave, if that is less.
/// \param root of the file system with proc and sys
double available_memory(std::filesystem::path const& root = "/");

}  // namespace epsim
