#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cluster/calibration.hpp"
#include "measure/run_record.hpp"
#include "store/probe.hpp"

namespace epsim {

/// A calibration and where it comes from.
struct CalibrationRecord {
    std::string date;  ///< UTC, ISO 8601
    std::string software_version;
    std::string git_sha;
    bool git_dirty = false;
    std::string kind = "measured";  ///< measured | oversubscribed
    std::string mode = "full";      ///< quick | full
    decltype(RunRecord::provenance) provenance;
    std::vector<RankPlace> topology;  ///< [R]
    Calibration calibration;
};

/// Write a calibration as HDF5, schema "epsim-calibration" version 1 (README, "Calibration file"):
/// to `path`.tmp, closed, fsynced, renamed. \throws InputError if the directory is not writable,
/// Error if the disk is full
void write_calibration(CalibrationRecord const& record, std::filesystem::path const& path);

/// Read one. Accepts the same major version and ignores what it does not know. Ceilings are finite
/// and not negative, sizes ascend, times are positive or NaN, nodes are those of the topology.
/// \throws InputError if it is missing, not HDF5, truncated, or breaks the schema
CalibrationRecord read_calibration(std::filesystem::path const& path,
                                   Probe probe = Probe::in_child);

inline constexpr char const* calibration_schema = "epsim-calibration";

}  // namespace epsim
