#include "comm/root_clock.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

namespace epsim {
namespace {

constexpr int exchanges = 20;
constexpr int tag = 1;

ClockEpoch ask_root(Communicator const& comm, Clock const& clock) {
    ClockEpoch best{0, 0, 0, std::numeric_limits<double>::infinity()};
    for (int i = 0; i < exchanges; ++i) {
        double const asked = clock.now();
        double root_time = 0;
        check_mpi(MPI_Sendrecv(&asked, 1, MPI_DOUBLE, 0, tag, &root_time, 1, MPI_DOUBLE, 0, tag,
                               comm.native(), MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
        double const answered = clock.now();
        double const error = (answered - asked) / 2;
        if (error < best.error) best = {asked + error, root_time - (asked + error), 0, error};
    }
    return best;
}

void answer(Communicator const& comm, Clock const& clock, int rank) {
    for (int i = 0; i < exchanges; ++i) {
        double asked = 0;
        check_mpi(MPI_Recv(&asked, 1, MPI_DOUBLE, rank, tag, comm.native(), MPI_STATUS_IGNORE),
                  "MPI_Recv");
        double const now = clock.now();
        check_mpi(MPI_Send(&now, 1, MPI_DOUBLE, rank, tag, comm.native()), "MPI_Send");
    }
}

}  // namespace

RootClock::RootClock(Communicator const& comm, Clock const& own, std::span<int const> domain)
    : comm_(comm), own_(own), domain_(domain.begin(), domain.end()) {
    compare();
}

ClockEpoch RootClock::measure() const {
    ClockEpoch mine{own_.now(), 0, 0, 0};
    for (int r = 1; r < comm_.size(); ++r) {
        if (domain_[static_cast<std::size_t>(r)] == domain_[0]) continue;
        if (comm_.is_root()) answer(comm_, own_, r);
        if (index(comm_.rank()) == r) mine = ask_root(comm_, own_);
        comm_.barrier();  // one pair at a time: nobody else's messages in the way
    }
    return mine;
}

void RootClock::compare() {
    auto next = measure();
    if (!epochs_.empty()) {
        auto& last = epochs_.back();
        double const apart = next.t_ref - last.t_ref;
        last.slope = apart > 0 ? (next.offset - last.offset) / apart : 0;
        next.slope = last.slope;
    }
    epochs_.push_back(next);
}

double RootClock::to_root(double own) const noexcept {
    auto epoch = epochs_.rbegin();
    while (own < epoch->t_ref && std::next(epoch) != epochs_.rend()) ++epoch;
    return own + epoch->offset + epoch->slope * (own - epoch->t_ref);
}

double RootClock::error() const noexcept {
    double const last = epochs_.back().error;
    return epochs_.size() < 2 ? last : std::max(last, epochs_[epochs_.size() - 2].error);
}

std::vector<int> host_domains(Communicator const& comm) {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    auto const hosts = comm.all_gather(name.data());
    std::vector<int> domains;
    for (auto const& host : hosts)
        domains.push_back(static_cast<int>(std::ranges::find(hosts, host) - hosts.begin()));
    return domains;
}

}  // namespace epsim
