#include "app/run_guard.hpp"

#include <fmt/format.h>

#include <chrono>

#include "comm/mpi_session.hpp"
#include "core/stop_signals.hpp"

namespace epsim {

RunGuard::RunGuard(TimeLimits limits)
    : rank_(launcher_rank()),
      timeout_s_(limits.timeout_s),
      watchdog_(launched_rank(), heartbeat_, allow(limits),
                {[this](std::string const& problem) { note("interrupted", problem, Word::last); },
                 [this] { note_stop(); }}) {
    catch_stop_signals();
}

/// Rank 0 ends first, since the end of any rank is that of all, and it has the most to write down.
TimeLimits RunGuard::allow(TimeLimits limits) const noexcept {
    constexpr double head_start_s = 1;
    if (limits.stall_s > 0 && rank_ != 0) limits.stall_s += head_start_s;
    return limits;
}

void RunGuard::set_limits(TimeLimits limits) noexcept {
    timeout_s_ = limits.timeout_s;
    watchdog_.set_limits(allow(limits));
}

bool RunGuard::asked_to_stop() const noexcept {
    return stop_signal() != 0 || watchdog_.timed_out();
}

std::string RunGuard::reason() const {
    if (int const signal = stop_signal(); signal != 0)
        return fmt::format("{} on rank {}", signal_name(signal), rank_);
    return watchdog_.timed_out() ? fmt::format("measure.timeout_s = {}", timeout_s_.load()) : "";
}

void RunGuard::own(RunDirectory directory) {
    std::lock_guard const lock(mutex_);
    directory_ = std::move(directory);
}

std::filesystem::path RunGuard::seal(RunRecord const& record, std::string const& message) {
    std::lock_guard const lock(mutex_);
    auto file = directory_->seal(record);
    directory_->set_status(record.status, message);
    settled_ = true;
    return file;
}

void RunGuard::give_up(std::string const& status, std::string const& message) noexcept {
    note(status, message, Word::last);
}

/// Waits for the other thread only shortly: it may hang in the file system.
void RunGuard::note(std::string const& status, std::string const& message, Word word) noexcept {
    try {
        std::unique_lock const lock(mutex_, std::chrono::seconds(1));
        if (!lock || !directory_ || settled_) return;
        directory_->set_status(status, message);
        settled_ = word == Word::last;
    } catch (std::exception const&) {
    }
}

/// The end in order will overwrite it, if there is time for one: mpirun kills a second later, after
/// it was told to stop itself or has lost a rank.
void RunGuard::note_stop() noexcept {
    note(
        "failed",
        fmt::format("killed after {} (a time limit; or mpirun, because a rank had died)", reason()),
        Word::provisional);
}

}  // namespace epsim
