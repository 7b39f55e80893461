#pragma once

#include <atomic>
#include <cstdint>

namespace epsim {

/// How the working thread of a process tells that it gets on: relaxed stores to memory, so that it
/// may be told inside a timed iteration. One thread beats; any other may read.
class Heartbeat {
public:
    /// A piece of work is done.
    void beat() noexcept {
        beats_.store(beats_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    /// Something else begins. \param stage its name, a literal
    void enter(char const* stage) noexcept {
        stage_.store(stage, std::memory_order_relaxed);
        beat();
    }

    uint64_t beats() const noexcept { return beats_.load(std::memory_order_relaxed); }
    char const* stage() const noexcept { return stage_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint64_t> beats_ = 0;
    std::atomic<char const*> stage_ = "start-up";
};

}  // namespace epsim
