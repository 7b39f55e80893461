#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "comm/communicator.hpp"
#include "core/cast.hpp"
#include "measure/clock.hpp"
#include "measure/run_record.hpp"

namespace epsim::test {

/// Remembers what it said last.
class LastReading : public Clock {
public:
    double now() const override {
        double const now = real_.now();
        last_ = now;
        return now;
    }
    double last() const { return last_; }

private:
    MonotonicClock real_;
    mutable std::atomic<double> last_ = 0;  // several threads may ask
};

/// When this rank's timed iterations were, on the host's clock, found without the help of the code
/// under test: the clock's last reading before the replay asks whether it is interrupted is the end
/// of an iteration, and the record says how long it took, and those right before it.
class IterationWindows {
public:
    /// Call where the replay asks. \param now the clock's last reading
    void note_end(double now) { ends_.push_back(now); }

    /// Of the iterations after warm-up. Collective. \param record rank 0's
    /// \param iterations_an_end  1, or the steps of a pass where the replay asks once a pass
    void close(RunRecord const& record, Communicator const& comm, int iterations_an_end) {
        auto const iterations = comm.all_sum(std::ssize(record.step_of));  // only rank 0's has any
        auto const ranks = static_cast<std::size_t>(comm.size());
        std::vector<double> length(static_cast<std::size_t>(iterations) * ranks);
        for (int64_t i = 0; i < std::ssize(record.step_of); ++i) {
            auto const at = static_cast<std::size_t>(i);
            int64_t const first = i - i % iterations_an_end;
            for (std::size_t r = 0; r < ranks && !record.is_warmup[at]; ++r)
                length[at * ranks + r] = record.step_end(i, static_cast<int64_t>(r)) -
                                         record.step_start(first, static_cast<int64_t>(r));
        }
        check_mpi(
            MPI_Bcast(length.data(), narrow<int>(length.size()), MPI_DOUBLE, 0, comm.native()),
            "MPI_Bcast");
        auto const each = static_cast<std::size_t>(iterations_an_end);
        // Before the timed iterations the replay asks in other stages.
        ends_.erase(ends_.begin(), ends_.end() - iterations / iterations_an_end);
        for (std::size_t e = 0; e < ends_.size(); ++e) {
            double const took =
                length[((e + 1) * each - 1) * ranks + static_cast<std::size_t>(index(comm.rank()))];
            if (took > 0) windows_.push_back({ends_[e] - took, ends_[e]});
        }
        EXPECT_FALSE(windows_.empty());
    }
    bool contain(double time) const {
        return std::ranges::any_of(windows_,
                                   [&](auto const& w) { return w.begin <= time && time <= w.end; });
    }

private:
    struct Window {
        double begin, end;
    };
    std::vector<double> ends_;
    std::vector<Window> windows_;
};

}  // namespace epsim::test
