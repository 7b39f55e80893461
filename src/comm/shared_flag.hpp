#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>
#include <thread>

namespace epsim {

/// How long one waits awake before it sleeps: first looking all the time, then letting others run
/// between looks.
struct WaitPolicy {
    std::chrono::nanoseconds spin;
    int yields;

    /// \param busy_cores more waits on the host than it has cores: who is awake keeps others away
    static WaitPolicy on_host(bool busy_cores) {
        using namespace std::chrono_literals;
        return busy_cores ? WaitPolicy{0us, 2} : WaitPolicy{100us, 100};
    }
};

/// Lets one process of a host wait for what others write into memory that they share, asleep if it
/// takes long (a futex). Lies in that memory itself; zero is its first state.
///
/// No ring is lost: a waiter says that it sleeps before it looks a last time, a writer writes
/// before it asks who sleeps, and all four are sequentially consistent, so that one of both sees
/// the other. A ring between that look and the sleep changes the count that the kernel compares.
class alignas(64) Doorbell {
public:
    /// After something that its owner may wait for was written with memory_order_seq_cst.
    void ring() noexcept {
        if (sleeping_.load(std::memory_order_seq_cst) == 0) return;
        rings_.fetch_add(1, std::memory_order_seq_cst);
        syscall(SYS_futex, &rings_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
    }

    /// Return once `ready()`, which must load with memory_order_seq_cst what others write. For its
    /// owner alone.
    /// \param look_again longest sleep, for what else may become ready without a ring
    template <class Ready>
    void wait(WaitPolicy const& policy, std::chrono::nanoseconds look_again, Ready&& ready) {
        if (ready()) return;
        if (policy.spin.count() > 0) {
            auto const end = std::chrono::steady_clock::now() + policy.spin;
            do {
                for (int i = 0; i < 32; ++i) {
                    pause();
                    if (ready()) return;
                }
            } while (std::chrono::steady_clock::now() < end);
        }
        for (int i = 0; i < policy.yields; ++i) {
            std::this_thread::yield();
            if (ready()) return;
        }
        timespec const limit{look_again / std::chrono::seconds(1),
                             (look_again % std::chrono::seconds(1)).count()};
        sleeping_.store(1, std::memory_order_seq_cst);
        for (;;) {
            uint32_t const seen = rings_.load(std::memory_order_seq_cst);
            if (ready()) break;
            syscall(SYS_futex, &rings_, FUTEX_WAIT, seen, &limit, nullptr, 0);
        }
        sleeping_.store(0, std::memory_order_seq_cst);
    }

private:
    static void pause() noexcept {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }

    std::atomic<uint32_t> rings_{0}, sleeping_{0};
};
static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(std::atomic<uint32_t>) == 4,
              "processes share it, and the kernel compares it");

}  // namespace epsim
