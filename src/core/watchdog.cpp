#include "core/watchdog.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/error.hpp"
#include "core/stop_signals.hpp"

namespace epsim {
namespace {

constexpr double look_every_s = 0.2;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// One line on stderr. The working thread may hang inside stdio, with its lock; and a pipe that
/// nobody empties must not hold up the end: short texts fit where poll says that there is room.
void tell(std::string const& line) {
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    if (poll(&room, 1, 1000) == 1) [[maybe_unused]]
        auto const ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

Watchdog::Watchdog(std::string who, Heartbeat const& heartbeat, TimeLimits limits, Hooks hooks)
    : who_(std::move(who)),
      heartbeat_(heartbeat),
      stall_s_(limits.stall_s),
      timeout_s_(limits.timeout_s),
      hooks_(std::move(hooks)),
      begin_(now()),
      thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
    {
        std::lock_guard const lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Watchdog::set_limits(TimeLimits limits) noexcept {
    stall_s_ = limits.stall_s;
    timeout_s_ = limits.timeout_s;
}

bool Watchdog::timed_out() const noexcept {
    double const timeout_s = timeout_s_;
    return timeout_s > 0 && now() - begin_ >= timeout_s;
}

bool Watchdog::watching(double seconds) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return over_; });
}

void Watchdog::watch() {
    double last = now(), idle_s = 0, asked_s = 0;
    uint64_t seen = heartbeat_.beats();
    bool asked = false;
    while (watching(look_every_s)) {
        double const time = now();
        // A longer gap means that this process did not run either: stopped, or its machine busy.
        double const passed = std::min(time - last, 5 * look_every_s);
        last = time;
        uint64_t const beats = heartbeat_.beats();
        idle_s = beats == seen ? idle_s + passed : 0;
        seen = beats;
        if (asked) asked_s += passed;
        if (!asked && (stop_signal() != 0 || timed_out())) {
            asked = true;
            if (hooks_.asked_to_stop) hooks_.asked_to_stop();
        }
        double const stall_s = stall_s_;
        if (stall_s <= 0) continue;
        if (idle_s >= stall_s)
            end(fmt::format(
                "stalled: no progress for {:.3g} s in {} (another rank may be stopped or "
                "dead, or a link). Sealed results are kept; if a piece of work can "
                "take that long, raise measure.stall_s",
                idle_s, heartbeat_.stage()));
        if (asked_s >= stall_s)
            end(
                fmt::format("asked to stop, and still in {} {:.3g} s later (another rank may be "
                            "stopped or dead). Sealed results are kept; to give it longer, raise "
                            "measure.stall_s",
                            heartbeat_.stage(), asked_s));
    }
}

void Watchdog::end(std::string const& problem) {
    tell(fmt::format("{} {}\n", who_, problem));
    if (hooks_.before_end) hooks_.before_end(problem);
    _exit(static_cast<int>(ExitCode::interrupted));
}

}  // namespace epsim
