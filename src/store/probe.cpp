#include "store/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/error.hpp"

namespace epsim {
namespace {

/// Die with the parent and after `limit`, in silence, and leave no core file.
void prepare_child(std::chrono::seconds limit) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int const signal :
         {SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGINT, SIGUSR1})
        std::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    rlimit const no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (int const nowhere = ::open("/dev/null", O_WRONLY); nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    // Reading past the end of the heap has to end the child, if anyone: it has no room to spare.
    mallopt(M_TOP_PAD, 0);
    malloc_trim(0);
    alarm(static_cast<unsigned>(limit.count()));
}

[[noreturn]] void run_child(std::function<void()> const& work) {
    try {
        work();
    } catch (Error const&) {
        _exit(0);  // the parent meets the same error, and can say it
    } catch (...) {
        _exit(1);
    }
    _exit(0);
}

}  // namespace

void probe(std::filesystem::path const& path, std::function<void()> const& work,
           std::chrono::seconds limit) {
    pid_t const child = fork();
    if (child == 0) {
        prepare_child(limit);
        run_child(work);
    }
    if (child < 0)
        throw Error(
            fmt::format("cannot start a process to probe {} ({}). Free some memory or "
                        "processes",
                        path.string(), std::strerror(errno)));
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(child, &status, 0)) < 0 && errno == EINTR) {
    }
    if (ended < 0)
        throw Error(
            fmt::format("cannot wait for the process that probes {} ({}). Do not ignore "
                        "SIGCHLD",
                        path.string(), std::strerror(errno)));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    bool const slow = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    throw InputError(fmt::format(
        "{}: not a readable HDF5 file (the HDF5 library {} on it). Make the file again or give "
        "another",
        path.string(),
        slow ? fmt::format("took over {} s", limit.count()) : std::string("crashed")));
}

}  // namespace epsim
