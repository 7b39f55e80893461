#pragma once

#include <functional>
#include <string>

#include "comm/communicator.hpp"

namespace epsim {

/// Lets runs that are compared measure by turns, a fraction of a second each, so that all meet the
/// same machine: its speed drifts by more, over seconds, than what they differ in. (Duet
/// benchmarking: Bulej et al., ICPE 2020, who run both at once on cores of their own; here they
/// alternate on the same cores.) All name one file; whose turn it is holds a lock on it, and the
/// ranks of the others sleep. A run that ends or dies lets go of it.
class Turns {
public:
    /// Not taking turns: next() does nothing.
    explicit Turns(Communicator const& comm) : comm_(comm) {}
    /// Take part, wait until `runs` runs do, and wait for the first turn. Collective; rank 0 holds
    /// the lock. \param asked_to_stop ends a wait: here by a CollectiveError with
    /// ExitCode::interrupted, in next() by going on out of turn
    /// \throws CollectiveError if the file cannot be opened or locked
    Turns(Communicator const& comm, std::string const& file, int runs,
          std::function<bool()> asked_to_stop);
    ~Turns();
    Turns(Turns const&) = delete;
    Turns& operator=(Turns const&) = delete;

    /// Call where another run may go on: hand over after `turn_s`, and sleep until the next turn.
    /// Collective.
    void next();

private:
    static constexpr double turn_s = 0.02;
    void join(std::string const& path, int runs);
    void take();

    Communicator const& comm_;
    std::function<bool()> asked_to_stop_;
    bool active_ = false;
    int file_ = -1;     // on rank 0
    double since_ = 0;  // of this turn
};

}  // namespace epsim
