#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace epsim {

/// What the process exits with. Part of the command line's contract: see README, "Exit status".
enum class ExitCode : int {
    success = 0,
    failure = 1,              ///< failed at run time: a rank died, disk full, out of memory
    usage = 2,                ///< wrong usage, configuration or input: one message, no abort
    verification_failed = 3,  ///< results differ from the oracle, or a file breaks its contract
    regression = 4,           ///< `compare` found one
    interrupted = 75          ///< interrupted, timed out or stalled: results kept, resumable
};

/// Base of every exception that epsim throws. The text reads "problem (reason). What to do".
class Error : public std::runtime_error {
public:
    explicit Error(std::string const& what, ExitCode code = ExitCode::failure)
        : std::runtime_error(what), code_(code) {}
    ExitCode exit_code() const noexcept { return code_; }

private:
    ExitCode code_;
};

/// The user's command line, configuration or file is wrong: exit 2, the same message on all ranks.
class InputError : public Error {
public:
    explicit InputError(std::string const& what) : Error(what, ExitCode::usage) {}
};

/// What was computed is not what had to be computed: exit 3.
class VerificationError : public Error {
public:
    explicit VerificationError(std::string const& what)
        : Error(what, ExitCode::verification_failed) {}
};

/// Fail with "file:line: what" if a fact that the code itself must guarantee does not hold.
/// \throws Error
void check(bool holds, std::string_view what,
           std::source_location where = std::source_location::current());

}  // namespace epsim
