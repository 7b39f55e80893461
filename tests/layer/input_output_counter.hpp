#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "layer/iteration_windows.hpp"

namespace epsim::test {

/// How often this thread has called read, write or one of their kin, as the kernel counts: at every
/// reading of the clock.
class InputOutputCounter final : public LastReading {
public:
    InputOutputCounter() : file_(open("/proc/thread-self/io", O_RDONLY)) {
        if (works()) count_ = count();
    }
    InputOutputCounter(InputOutputCounter const&) = delete;
    ~InputOutputCounter() override {
        if (works()) close(file_);
    }
    bool works() const { return file_ >= 0; }
    double now() const override {
        double const time = LastReading::now();
        auto const before = std::exchange(count_, count());
        if (count_ != before + 1) changes_.push_back(time);  // 1: that of reading the last count
        return time;
    }
    /// The readings before which there were calls since the reading before.
    std::vector<double> const& changes() const { return changes_; }

private:
    int64_t count() const {
        std::array<char, 512> text{};
        auto const size = pread(file_, text.data(), text.size(), 0);
        check(size > 0, "the kernel counts input and output");
        std::string_view const all(text.data(), static_cast<std::size_t>(size));
        int64_t sum = 0;
        for (std::string_view const key : {"syscr: ", "syscw: "}) {
            int64_t value = 0;
            auto const* from = all.data() + all.find(key) + key.size();
            std::from_chars(from, all.data() + all.size(), value);
            sum += value;
        }
        return sum;
    }

    int file_;
    mutable int64_t count_ = 0;
    mutable std::vector<double> changes_;
};

}  // namespace epsim::test
