#include "app/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace epsim {

Progress::Progress(Mode mode) : quiet_(mode == Mode::quiet), terminal_(isatty(STDERR_FILENO) == 1) {
    stage_begin_ = last_ = Clock::now();
}

Progress::~Progress() {
    if (line_open_) std::fputs("\r\033[K", stderr);
}

void Progress::update(std::string_view stage, int64_t done, int64_t total) {
    if (quiet_) return;
    using Seconds = std::chrono::duration<double>;
    auto const now = Clock::now();
    bool const new_stage = stage != stage_;
    if (new_stage) {
        stage_ = stage;
        stage_begin_ = now;
    }
    double const interval_s = terminal_ ? 0.2 : 10.0;
    if (Seconds(now - last_).count() < interval_s && !(terminal_ && new_stage)) return;
    last_ = now;
    bool const known = total > 0 && done <= total;  // a target may take more than was foreseen
    std::string text =
        known ? fmt::format("{} {}/{}", stage, done, total) : fmt::format("{} {}", stage, done);
    if (known && done > 0) {
        double const spent = Seconds(now - stage_begin_).count();
        text += fmt::format(", {:.0f} s left",
                            spent / static_cast<double>(done) * static_cast<double>(total - done));
    }
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "epsim: ", text, terminal_ ? "" : "\n");
    std::fflush(stderr);
    line_open_ = terminal_;
}

}  // namespace epsim
