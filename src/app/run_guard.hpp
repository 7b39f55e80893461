#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "core/heartbeat.hpp"
#include "core/watchdog.hpp"
#include "measure/run_record.hpp"
#include "store/run_directory.hpp"

namespace epsim {

/// Keeps a run from hanging and from ending without a word: catches the signals that ask it to
/// stop, has a watchdog over the working thread, and sees that run.json of its directory says how
/// it ended. One in a process, made before MPI starts and destroyed after MPI has ended.
class RunGuard {
public:
    explicit RunGuard(TimeLimits limits);

    /// Where the working thread tells that it gets on.
    Heartbeat& heartbeat() noexcept { return heartbeat_; }
    void set_limits(TimeLimits limits) noexcept;
    /// That a signal came or the time is over: this process should stop in order.
    bool asked_to_stop() const noexcept;
    /// Why: "SIGTERM on rank 2", "measure.timeout_s = 60"; "" if it should not.
    std::string reason() const;

    /// The directory that this process writes, of which run.json says "running".
    void own(RunDirectory directory);
    /// Seal the case in the own directory, whose status becomes the record's.
    /// \throws Error if it cannot be written
    std::filesystem::path seal(RunRecord const& record, std::string const& message);
    /// Note how a run without a result ended, if there is a directory of its own. Best effort: it
    /// is the failure that must reach the user, not one of writing it down.
    void give_up(std::string const& status, std::string const& message) noexcept;

private:
    TimeLimits allow(TimeLimits limits) const noexcept;
    enum class Word { provisional, last };
    void note(std::string const& status, std::string const& message, Word word) noexcept;
    void note_stop() noexcept;

    int rank_;
    Heartbeat heartbeat_;
    std::atomic<double> timeout_s_ = 0;
    std::timed_mutex mutex_;  // of what follows: the watchdog's thread writes run.json too
    std::optional<RunDirectory> directory_;
    bool settled_ = false;
    Watchdog watchdog_;  // last: its thread uses all the others
};

}  // namespace epsim
