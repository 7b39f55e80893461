#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "schedule/step_schedule.hpp"

namespace epsim {

/// Runs schedules on one rank: all on the calling thread in the order of the list, or the tasks of
/// Worker::communication on a thread of its own, which sleeps while it has nothing to do. Once
/// warm, a run allocates nothing.
class TaskExecutor {
public:
    /// \param threaded start the thread: only it may call MPI while a schedule runs
    explicit TaskExecutor(bool threaded = false);
    ~TaskExecutor();
    TaskExecutor(TaskExecutor const&) = delete;
    TaskExecutor& operator=(TaskExecutor const&) = delete;

    bool threaded() const noexcept { return thread_.joinable(); }

    /// Call work(task) for every task of the schedule, each after those that it depends on. What a
    /// task did is seen by those that depend on it.
    /// \throws what the first failing task threw; tasks that had not begun then are left out
    template <class Work>
    void run(StepSchedule const& schedule, Work&& work) {
        using Function = std::remove_reference_t<Work>;
        run(schedule,
            {[](void* function, Task const& task) { (*static_cast<Function*>(function))(task); },
             const_cast<std::remove_const_t<Function>*>(std::addressof(work))});
    }

private:
    /// A callable by reference: std::function could allocate.
    struct Call {
        void (*call)(void*, Task const&) = nullptr;
        void* function = nullptr;
        void operator()(Task const& task) const { call(function, task); }
    };
    void run(StepSchedule const& schedule, Call work);
    void serve();
    void run_tasks_of(Worker worker);
    bool may_begin(Task const& task) const;

    std::mutex mutex_;
    std::condition_variable changed_;
    // Under the mutex; the schedule and the work do not change while they are run.
    StepSchedule const* schedule_ = nullptr;
    Call work_;
    std::vector<uint8_t> done_;  // [tasks]
    std::exception_ptr failure_;
    bool communicating_ = false;  // the thread has this schedule's tasks to do
    bool end_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace epsim
