#include "layer/task_executor.hpp"

#include <algorithm>
#include <utility>

namespace epsim {

TaskExecutor::TaskExecutor(bool threaded) {
    if (threaded) thread_ = std::thread([this] { serve(); });
}

TaskExecutor::~TaskExecutor() {
    if (!threaded()) return;
    {
        std::lock_guard const lock(mutex_);
        end_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void TaskExecutor::run(StepSchedule const& schedule, Call work) {
    if (!threaded()) {
        for (Task const& task : schedule.tasks) work(task);
        return;
    }
    {
        std::lock_guard const lock(mutex_);
        schedule_ = &schedule;
        work_ = work;
        done_.assign(schedule.tasks.size(), 0);
        failure_ = nullptr;
        communicating_ = true;
    }
    changed_.notify_all();
    run_tasks_of(Worker::compute);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !communicating_; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void TaskExecutor::serve() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return communicating_ || end_; });
            if (end_) return;
        }
        run_tasks_of(Worker::communication);
        {
            std::lock_guard const lock(mutex_);
            communicating_ = false;
        }
        changed_.notify_all();
    }
}

bool TaskExecutor::may_begin(Task const& task) const {
    return std::ranges::all_of(task.after,
                               [this](int i) { return done_[static_cast<std::size_t>(i)] != 0; });
}

void TaskExecutor::run_tasks_of(Worker worker) {
    for (std::size_t i = 0; i < schedule_->tasks.size(); ++i) {
        Task const& task = schedule_->tasks[i];
        if (worker_of(task.phase) != worker) continue;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return failure_ || may_begin(task); });
            if (failure_) return;
        }
        std::exception_ptr failure;
        try {
            work_(task);
        } catch (...) {
            failure = std::current_exception();
        }
        {
            std::lock_guard const lock(mutex_);
            done_[i] = 1;
            if (failure && !failure_) failure_ = failure;
        }
        changed_.notify_all();
        if (failure) return;
    }
}

}  // namespace epsim
