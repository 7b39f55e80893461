#include "comm/clock_sync.hpp"

#include <limits>

namespace epsim {
namespace {

constexpr int exchanges = 20;
constexpr int tag = 1;

ClockOffset ask_root(Communicator const& comm, Clock const& clock) {
    ClockOffset best{0, 0, std::numeric_limits<double>::infinity()};
    for (int i = 0; i < exchanges; ++i) {
        double const asked = clock.now();
        double root_time = 0;
        check_mpi(MPI_Sendrecv(&asked, 1, MPI_DOUBLE, 0, tag, &root_time, 1, MPI_DOUBLE, 0, tag,
                               comm.native(), MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
        double const answered = clock.now();
        double const error = (answered - asked) / 2;
        if (error < best.error) best = {answered, root_time - (asked + answered) / 2, error};
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

ClockOffset synchronise_clock(Communicator const& comm, Clock const& clock, bool on_root_host) {
    auto const shared = comm.all_gather(on_root_host ? "1" : "0");
    ClockOffset mine{clock.now(), 0, 0};
    for (int r = 1; r < comm.size(); ++r) {
        if (shared[static_cast<std::size_t>(r)] == "1") continue;
        if (comm.is_root()) answer(comm, clock, r);
        if (index(comm.rank()) == r) mine = ask_root(comm, clock);
        comm.barrier();  // one pair at a time: nobody else's messages in the way
    }
    return mine;
}

}  // namespace epsim
