#pragma once

#include <span>
#include <string>

namespace epsim::test {

/// One call of malloc, free, new, delete or one of their kin.
struct Allocation {
    double time = 0;                 ///< s, MonotonicClock
    void const* caller = nullptr;    ///< where it returned to
    char const* function = nullptr;  ///< "malloc", "new", ...
};

/// Whose program or library the call came from: "epsim" for this program (and what it calls of the
/// C++ and formatting libraries), else the library's file name.
std::string owner(Allocation const& allocation);

/// From now on, log what the calling thread allocates and frees, in memory that was there before.
/// Forgets what was logged so far. Linking allocation_log.cpp replaces the program's malloc and
/// new.
void start_allocation_log();
/// \return what was logged since; valid until the next start. Throws if it was too much to log.
std::span<Allocation const> stop_allocation_log();

}  // namespace epsim::test
