#pragma once

#include <filesystem>

#include "measure/run_record.hpp"

namespace epsim {

/// Write a run as HDF5, schema "epsim-result" version 1 (README, "Result file"): to `path`.tmp,
/// closed, fsynced, renamed, so that a file with its name is whole.
/// \throws InputError if the directory is not writable, Error if the disk is full
void write_result(RunRecord const& record, std::filesystem::path const& path);

/// Read one. Accepts the same major version and ignores what it does not know.
/// \throws InputError if it is missing, not HDF5, truncated, or breaks the schema
RunRecord read_result(std::filesystem::path const& path);

}  // namespace epsim
