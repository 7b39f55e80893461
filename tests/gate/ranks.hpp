#pragma once

#include <algorithm>
#include <barrier>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "gate/selection.hpp"

namespace epsim::test {

/// Call work(rank, sum) for every rank, each on a thread of its own; `sum` adds up over them.
inline void on_ranks(int ranks, std::function<void(int, SumOverRanks const&)> const& work) {
    std::barrier meeting(ranks);
    std::mutex mutex;
    std::vector<int64_t> total;
    auto const sum = [&](std::span<int64_t> values) {
        {
            std::scoped_lock const lock(mutex);
            total.resize(values.size());
            for (std::size_t i = 0; i < values.size(); ++i) total[i] += values[i];
        }
        meeting.arrive_and_wait();
        std::ranges::copy(total, values.begin());
        meeting.arrive_and_wait();
        {
            std::scoped_lock const lock(mutex);
            total.clear();
        }
        meeting.arrive_and_wait();  // whoever clears late must not take what others have added
    };
    std::vector<std::jthread> threads;
    for (int r = 0; r < ranks; ++r) threads.emplace_back([&, r] { work(r, sum); });
}

}  // namespace epsim::test
