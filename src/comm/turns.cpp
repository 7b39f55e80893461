#include "comm/turns.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "comm/mpi_session.hpp"
#include "measure/clock.hpp"

namespace epsim {
namespace {

void nap(std::chrono::microseconds time) {
    std::this_thread::sleep_for(time);
}

[[noreturn]] void fail(std::string const& path) {
    throw InputError(
        fmt::format("measure.turns_file = {} is of no use ({}). Name a file that the "
                    "runs may write",
                    path, std::strerror(errno)));
}

}  // namespace

Turns::Turns(Communicator const& comm, std::string const& file, int runs,
             std::function<bool()> asked_to_stop)
    : comm_(comm), asked_to_stop_(std::move(asked_to_stop)), active_(true) {
    on_all_ranks(comm, [&] {
        if (comm.is_root()) join(file, runs);
    });
    comm_.quiet_barrier();
}

Turns::~Turns() {
    if (file_ >= 0) ::close(file_);
}

/// A byte for each run that has come.
void Turns::join(std::string const& path, int runs) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file_ < 0 || ::write(file_, "x", 1) != 1) fail(path);
    struct stat facts {};
    do {
        if (asked_to_stop_())
            throw CollectiveError("interrupted while it waited for other runs to take turns with",
                                  ExitCode::interrupted);
        nap(std::chrono::microseconds(500));
        if (::fstat(file_, &facts) != 0) fail(path);
    } while (facts.st_size < runs);
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno != EWOULDBLOCK && errno != EINTR)
        fail(path);  // a file system without locks
    take();
}

void Turns::take() {
    while (::flock(file_, LOCK_EX | LOCK_NB) != 0 && !asked_to_stop_())
        nap(std::chrono::microseconds(100));
    since_ = MonotonicClock().now();
}

void Turns::next() {
    if (!active_) return;
    if (file_ >= 0 && MonotonicClock().now() - since_ > turn_s) {
        ::flock(file_, LOCK_UN);
        nap(std::chrono::milliseconds(2));  // whoever waits looks more often
        take();
    }
    comm_.quiet_barrier();
}

}  // namespace epsim
