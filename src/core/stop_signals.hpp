#pragma once

#include <string>

namespace epsim {

/// From now on SIGTERM, SIGINT and SIGUSR1, which users and batch systems send, ask this process to
/// stop instead of killing it. A second SIGTERM or SIGINT, a second or more after the first of
/// them, ends it at once with ExitCode::interrupted (sooner, it is the same request by another
/// way: of the batch system, and of mpirun). SIGXFSZ is ignored: a write beyond a limit of file
/// sizes then fails as one to a full disk does. Of the whole process; may be called again.
void catch_stop_signals();

/// The first stop signal that came; 0 = none yet.
int stop_signal() noexcept;

/// "SIGTERM"
std::string signal_name(int signal);

}  // namespace epsim
