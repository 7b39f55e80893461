#include "comm/root_clock.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/cast.hpp"

namespace epsim {
namespace {

constexpr int exchanges = 20;  // of which the fastest counts
constexpr int tag = 1;

}  // namespace

RootClock::RootClock(Communicator const& comm, Clock const& own, std::span<int const> domain,
                     DriftBounds const& bounds)
    : comm_(comm), own_(own), bounds_(bounds), fit_(bounds) {
    check(domain.size() == static_cast<std::size_t>(comm.size()), "each rank has a clock domain");
    auto const mine = domain[static_cast<std::size_t>(index(comm.rank()))];
    for (int r = 0; r < comm.size(); ++r) {
        auto const here = domain.begin() + r;
        bool const leads = std::find(domain.begin(), here, *here) == here;
        if (leads && *here == mine) place_ = narrow<int>(leaders_.size());
        if (leads) leaders_.push_back(r);
        if (!leads && *here == mine) members_.push_back(r);
    }
    if (in_root_domain()) fit_ = ClockFit({0, 0});
    compare();
}

void RootClock::compare() {
    int const domains = narrow<int>(leaders_.size());
    auto const leader = [&](int place) { return leaders_[static_cast<std::size_t>(place)]; };
    if (leader(place_) == index(comm_.rank())) {
        if (in_root_domain()) fit_.add(own_.now(), 0, 0);
        for (int known = 1; known < domains; known *= 2) {
            if (place_ < known && place_ + known < domains) answer(leader(place_ + known));
            if (place_ >= known && place_ < 2 * known) ask(leader(place_ - known));
        }
    }
    share_epoch();
}

void RootClock::ask(int teacher) {
    double best_t = 0, best_offset = 0, best_error = std::numeric_limits<double>::infinity();
    for (int i = 0; i < exchanges; ++i) {
        double const asked = own_.now();
        std::array<double, 2> root{};  // time, error
        check_mpi(MPI_Sendrecv(&asked, 1, MPI_DOUBLE, teacher, tag, root.data(), 2, MPI_DOUBLE,
                               teacher, tag, comm_.native(), MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
        double const half = (own_.now() - asked) / 2;
        double const error = root[1] + half * (1 + bounds_.most);  // in seconds of rank 0
        if (error >= best_error) continue;
        best_t = asked + half;
        best_offset = root[0] - best_t;
        best_error = error;
    }
    fit_.add(best_t, best_offset, best_error);
}

void RootClock::answer(int pupil) const {
    for (int i = 0; i < exchanges; ++i) {
        double asked = 0;
        check_mpi(MPI_Recv(&asked, 1, MPI_DOUBLE, pupil, tag, comm_.native(), MPI_STATUS_IGNORE),
                  "MPI_Recv");
        double const now = own_.now();
        std::array const root{fit_.to_root(now), fit_.error(now)};
        check_mpi(MPI_Send(root.data(), 2, MPI_DOUBLE, pupil, tag, comm_.native()), "MPI_Send");
    }
}

/// From the leader to the domain's other ranks.
void RootClock::share_epoch() {
    int const leader = leaders_[static_cast<std::size_t>(place_)];
    std::array<double, 3> epoch{};
    if (leader != index(comm_.rank())) {
        check_mpi(
            MPI_Recv(epoch.data(), 3, MPI_DOUBLE, leader, tag, comm_.native(), MPI_STATUS_IGNORE),
            "MPI_Recv");
        fit_.add(epoch[0], epoch[1], epoch[2]);
        return;
    }
    auto const& last = fit_.epochs().back();
    epoch = {last.t_ref, last.offset, last.error};
    for (int const member : members_)
        check_mpi(MPI_Send(epoch.data(), 3, MPI_DOUBLE, member, tag, comm_.native()), "MPI_Send");
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
