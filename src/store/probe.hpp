#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

namespace epsim {

/// Whether a file that nobody vouches for is first opened in a child process. The HDF5 library
/// crashes on some hostile bytes. `skip` is for a file that this process, or rank 0, has probed.
enum class Probe { in_child, skip };

/// Fork a child that runs `work`, which reads `path`, and wait for it. What the child reads does no
/// harm here: an exception of `work` is ignored, and it does no more than read files and exit, so
/// that it is safe in an MPI process. The file may still crash us where `work` did not look.
/// \throws InputError if the child dies or takes longer than `limit`
void probe(std::filesystem::path const& path, std::function<void()> const& work,
           std::chrono::seconds limit = std::chrono::seconds(60));

}  // namespace epsim
