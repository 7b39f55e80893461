#include "layer/task_executor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

namespace epsim {
namespace {

/// Random tasks, each after some that stand before it.
StepSchedule random_schedule(std::mt19937& random, int tasks) {
    StepSchedule schedule;
    for (int i = 0; i < tasks; ++i) {
        Task task{random() % 2 ? Phase::expert : Phase::combine, i, {}};
        for (int before = 0; before < i; ++before)
            if (random() % 4 == 0) task.after.push_back(before);
        schedule.tasks.push_back(std::move(task));
    }
    return schedule;
}

class Executor : public testing::TestWithParam<bool> {};

TEST_P(Executor, RunsEveryTaskOnceAfterThoseItDependsOn) {
    std::mt19937 random(GetParam() ? 3 : 4);
    TaskExecutor executor(GetParam());
    EXPECT_EQ(executor.threaded(), GetParam());
    for (int trial = 0; trial < 200; ++trial) {
        auto const schedule = random_schedule(random, static_cast<int>(random() % 40));
        std::vector<std::atomic<int>> runs(schedule.tasks.size());
        std::atomic<int> wrong = 0;
        // As many writers as tasks, none of them atomic: what a task did is seen by those after it.
        std::vector<int> trace(schedule.tasks.size());
        std::vector<std::thread::id> where(schedule.tasks.size());
        executor.run(schedule, [&](Task const& task) {
            auto const at = static_cast<std::size_t>(task.chunk);
            for (int const before : task.after)
                wrong += trace[static_cast<std::size_t>(before)] != before + 1;
            if (task.chunk % 7 == 0) std::this_thread::yield();
            where[at] = std::this_thread::get_id();
            trace[at] = task.chunk + 1;
            ++runs[at];
        });
        EXPECT_EQ(wrong, 0);
        for (auto const& n : runs) EXPECT_EQ(n, 1);
        for (auto const& task : schedule.tasks)
            EXPECT_EQ(where[static_cast<std::size_t>(task.chunk)] == std::this_thread::get_id(),
                      !GetParam() || worker_of(task.phase) == Worker::compute);
    }
}

TEST_P(Executor, KeepsTheOrderOfEachWorker) {
    std::mt19937 random(5);
    TaskExecutor executor(GetParam());
    for (int trial = 0; trial < 50; ++trial) {
        auto const schedule = random_schedule(random, 30);
        std::vector<int> order[2];  // each written by one thread
        executor.run(schedule, [&](Task const& task) {
            order[worker_of(task.phase) == Worker::compute].push_back(task.chunk);
        });
        for (auto const& tasks : order) EXPECT_TRUE(std::ranges::is_sorted(tasks));
    }
}

TEST_P(Executor, HandsOnWhatATaskThrowsAndCanBeUsedAgain) {
    std::mt19937 random(6);
    TaskExecutor executor(GetParam());
    for (int trial = 0; trial < 100; ++trial) {
        auto const schedule = random_schedule(random, 30);
        int const bad = static_cast<int>(random() % 30);
        std::vector<std::atomic<int>> runs(schedule.tasks.size());
        auto const work = [&](Task const& task) {
            ++runs[static_cast<std::size_t>(task.chunk)];
            if (task.chunk == bad) throw std::runtime_error("task " + std::to_string(bad));
        };
        try {
            executor.run(schedule, work);
            ADD_FAILURE() << "nothing thrown";
        } catch (std::runtime_error const& e) {
            EXPECT_EQ(e.what(), "task " + std::to_string(bad));
        }
        for (auto const& task : schedule.tasks) {
            if (std::ranges::count(task.after, bad) == 0) continue;
            EXPECT_EQ(runs[static_cast<std::size_t>(task.chunk)], 0);
        }
        int done = 0;
        executor.run(schedule, [&](Task const& task) {
            if (worker_of(task.phase) == Worker::compute) ++done;
        });
        EXPECT_EQ(done, std::ranges::count_if(schedule.tasks, [](Task const& task) {
                      return worker_of(task.phase) == Worker::compute;
                  }));
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, Executor, testing::Bool(),
                         [](auto const& test) { return test.param ? "two" : "one"; });

TEST(Executor, CommunicatesBesideComputation) {
    TaskExecutor executor(true);
    // Each waits until the other has begun: one after the other they would never end.
    StepSchedule const schedule{{{Phase::expert, 0, {}}, {Phase::dispatch, 1, {}}}};
    std::atomic<int> begun = 0;
    executor.run(schedule, [&](Task const&) {
        ++begun;
        while (begun < 2) std::this_thread::yield();
    });
    EXPECT_EQ(begun, 2);
}

}  // namespace
}  // namespace epsim
