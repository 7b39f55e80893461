#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/heartbeat.hpp"

namespace epsim {

/// When to end a process, s; 0 = never.
struct TimeLimits {
    double stall_s = 0;    ///< without progress
    double timeout_s = 0;  ///< in all: it is asked to end in order
};

/// A thread that ends the process, by force and with ExitCode::interrupted, where the working
/// thread hangs: no heartbeat within stall_s, or not ended within stall_s after it was asked to (by
/// a stop signal or the timeout). Time in which the whole process was stopped does not count as
/// without progress.
class Watchdog {
public:
    /// What else to do, on the watchdog's thread.
    struct Hooks {
        std::function<void(std::string const& problem)> before_end;  ///< must not wait for long
        std::function<void()> asked_to_stop;  ///< once, within parts of a second
    };

    /// \param who begins its message: "[rank 1 of 4 on host]"
    /// \param heartbeat must outlive it
    Watchdog(std::string who, Heartbeat const& heartbeat, TimeLimits limits, Hooks hooks);
    /// Ends the watch.
    ~Watchdog();
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;

    void set_limits(TimeLimits limits) noexcept;
    /// That timeout_s have passed since its construction.
    bool timed_out() const noexcept;

private:
    void watch();
    bool watching(double seconds);  ///< after a pause
    [[noreturn]] void end(std::string const& problem);

    std::string who_;
    Heartbeat const& heartbeat_;
    std::atomic<double> stall_s_, timeout_s_;
    Hooks hooks_;
    double begin_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

}  // namespace epsim
