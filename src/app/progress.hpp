#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace epsim {

/// Tells on stderr how far a long job is: one line that moves with the time left on a terminal, a
/// line every ten seconds elsewhere. Only one rank should have one.
class Progress {
public:
    enum class Mode { automatic, quiet };
    explicit Progress(Mode mode = Mode::automatic);
    ~Progress();
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;

    /// \param total 0 = unknown
    void update(std::string_view stage, int64_t done, int64_t total);

private:
    using Clock = std::chrono::steady_clock;
    bool quiet_, terminal_, line_open_ = false;
    std::string stage_;
    Clock::time_point stage_begin_, last_;
};

}  // namespace epsim
