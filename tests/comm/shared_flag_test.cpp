#include "comm/shared_flag.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <new>

namespace epsim::test {
namespace {

using namespace std::chrono_literals;

/// Two sides that count in turn: each waits for the other's count.
struct Table {
    std::array<Doorbell, 2> bell;
    std::array<std::atomic<int>, 2> count{};

    void play(std::size_t side, int rounds, WaitPolicy const& policy) {
        for (int i = 1; i <= rounds; ++i) {
            if (side == 1) bell[1].wait(policy, 10s, [&] { return count[0].load() == i; });
            count[side].store(i);
            bell[1 - side].ring();
            if (side == 0) bell[0].wait(policy, 10s, [&] { return count[1].load() == i; });
        }
    }
};

class Waiting : public testing::TestWithParam<WaitPolicy> {};

TEST_P(Waiting, NoRingBetweenThreadsIsLost) {
    Table table;
    auto const start = std::chrono::steady_clock::now();
    std::thread other([&] { table.play(1, 2000, GetParam()); });
    table.play(0, 2000, GetParam());
    other.join();
    EXPECT_EQ(table.count[1].load(), 2000);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 9s) << "a ring was lost: someone slept on";
}

TEST_P(Waiting, NoRingBetweenProcessesIsLost) {
    void* const memory =
        mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto& table = *new (memory) Table;
    auto const start = std::chrono::steady_clock::now();
    pid_t const child = fork();
    if (child == 0) {
        table.play(1, 2000, GetParam());
        _exit(7);
    }
    table.play(0, 2000, GetParam());
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 7);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 9s) << "a ring was lost: someone slept on";
    munmap(memory, sizeof(Table));
}

TEST_P(Waiting, WhatBecomesReadyWithoutARingIsSeen) {
    Doorbell bell;
    auto const end = std::chrono::steady_clock::now() + 5ms;
    bell.wait(GetParam(), 1ms, [&] { return std::chrono::steady_clock::now() > end; });
    EXPECT_GT(std::chrono::steady_clock::now(), end);
}

INSTANTIATE_TEST_SUITE_P(All, Waiting,
                         testing::Values(WaitPolicy{0us, 0}, WaitPolicy{0us, 3},
                                         WaitPolicy{50us, 10}, WaitPolicy::on_host(true),
                                         WaitPolicy::on_host(false)));

TEST(Waiting, DoesNotBurnACore) {
    Doorbell bell;
    std::atomic<bool> ready = false;
    timespec before{}, after{};
    std::thread other([&] {
        std::this_thread::sleep_for(200ms);
        ready = true;
        bell.ring();
    });
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    bell.wait(WaitPolicy::on_host(false), 10s, [&] { return ready.load(); });
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    other.join();
    EXPECT_LT((after.tv_sec - before.tv_sec) * 1e3 + (after.tv_nsec - before.tv_nsec) * 1e-6, 100)
        << "ms of 200";
}

}  // namespace
}  // namespace epsim::test
