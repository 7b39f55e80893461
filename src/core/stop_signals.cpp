#include "core/stop_signals.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "core/error.hpp"

namespace epsim {
namespace {

// A signal's handler reaches nothing but what is global, and lock-free.
std::atomic<int> first_signal = 0;
std::atomic<int64_t> first_kill_ns = 0;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free);

int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

extern "C" void note_stop_signal(int signal) {
    int none = 0;
    first_signal.compare_exchange_strong(none, signal);
    if (signal == SIGUSR1) return;
    int64_t never = 0;
    int64_t const now = now_ns();
    if (first_kill_ns.compare_exchange_strong(never, now)) return;
    if (now - never >= 1'000'000'000) _exit(static_cast<int>(ExitCode::interrupted));
}

}  // namespace

void catch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = note_stop_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (int const signal : {SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &action, nullptr);
}

int stop_signal() noexcept {
    return first_signal.load();
}

std::string signal_name(int signal) {
    char const* name = sigabbrev_np(signal);
    return name ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace epsim
