#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// A run's directory: run.json (plan and status, replaced by rename) and sealed result files
/// cases/NNNN-<first 12 digits of the case hash>.h5.
class RunDirectory {
public:
    /// Creates it. \throws InputError if it cannot be written or already holds a run
    static RunDirectory create(std::filesystem::path const& path);
    /// Opens an existing one. \throws InputError if it is not a run directory
    static RunDirectory open(std::filesystem::path const& path);

    std::filesystem::path const& path() const noexcept { return path_; }
    /// Seal a case and note it in run.json. Returns the file's path.
    std::filesystem::path seal(RunRecord const& record);
    /// Status of the whole in run.json: running | complete | interrupted | failed.
    void set_status(std::string const& status, std::string const& message = "");
    /// Sealed result files in order.
    std::vector<std::filesystem::path> cases() const;

private:
    explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

}  // namespace epsim
