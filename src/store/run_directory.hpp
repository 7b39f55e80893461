#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// Digits of a case hash (SHA-256 of the configuration) in a file's name.
inline constexpr std::size_t case_hash_digits = 12;

/// A run's directory: run.json (plan and status, replaced by rename) and sealed result files
/// cases/NNNN-<first 12 digits of the case hash>.h5, numbered from 0001. One process writes it.
class RunDirectory {
public:
    /// Creates it, and the directories above. One whose run failed or was interrupted before any
    /// case was sealed is used again. \throws InputError if it cannot be written or already holds
    /// a run, even one that is running
    static RunDirectory create(std::filesystem::path const& path);
    /// Opens an existing one. \throws InputError if it is not a run directory
    static RunDirectory open(std::filesystem::path const& path);

    std::filesystem::path const& path() const noexcept { return path_; }
    /// Seal a case and note it in run.json. Returns the file's path.
    std::filesystem::path seal(RunRecord const& record);
    /// Status of the whole in run.json: running | complete | interrupted | failed.
    void set_status(std::string const& status, std::string const& message = "");
    std::string status() const;
    /// Why the status is what it is; "" where it needs no reason.
    std::string message() const;
    /// Sealed result files in order.
    std::vector<std::filesystem::path> cases() const;
    /// The names that run.json has noted, in order: those of cases(), unless the run died between
    /// the sealing of a file and its note, or somebody meddled.
    std::vector<std::string> noted_cases() const;

private:
    explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

/// Status and message in words: "failed: no space left", "running, or killed before it could note
/// its end".
std::string describe_state(RunDirectory const& run);

}  // namespace epsim
