#pragma once

#include <filesystem>
#include <string>

#include "measure/run_record.hpp"
#include "store/probe.hpp"

namespace epsim {

/// Write a run as HDF5, schema "epsim-result" version 1 (README, "Result file"): to `path`.tmp,
/// closed, fsynced, renamed, so that a file with its name is whole. Arrays must have the shapes
/// that RunRecord states. \throws InputError if the directory is not writable, Error if the disk is
/// full
void write_result(RunRecord const& record, std::filesystem::path const& path);

/// Read one. Accepts the same major version and ignores what it does not know. Indices between
/// arrays (step_of, slot_rank, slot_expert, events) are checked.
/// \throws InputError if it is missing, not HDF5, truncated, or breaks the schema
RunRecord read_result(std::filesystem::path const& path, Probe probe = Probe::in_child);

/// SHA-256 that a result file, which read_result() has accepted, states of its configuration.
std::string stated_config_sha256(std::filesystem::path const& path);

}  // namespace epsim
