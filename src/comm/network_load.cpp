#include "comm/network_load.hpp"

#include "core/cast.hpp"

namespace epsim {
namespace {

constexpr int tag = 3;
constexpr int messages = 4;  // of a burst: the question whether to go on is rare beside them

}  // namespace

NetworkLoad::NetworkLoad(Communicator const& comm, std::string const& pattern, int64_t bytes)
    : comm_(comm),
      incast_(pattern == "incast"),
      values_(narrow<int>(bytes / static_cast<int64_t>(sizeof(double)))),
      sent_(static_cast<std::size_t>(values_), 1.0),
      received_(sent_.size() * (incast_ && comm.is_root() ? static_cast<std::size_t>(comm.size())
                                                          : std::size_t{1})),
      requests_(static_cast<std::size_t>(comm.size()), MPI_REQUEST_NULL) {}

bool NetworkLoad::burst(bool more) {
    for (int i = 0; i < messages; ++i) incast_ ? incast() : allreduce();
    int again = more ? 1 : 0;
    check_mpi(MPI_Bcast(&again, 1, MPI_INT, 0, comm_.native()), "MPI_Bcast");
    return again != 0;
}

void NetworkLoad::incast() {
    if (!comm_.is_root()) {
        check_mpi(MPI_Send(sent_.data(), values_, MPI_DOUBLE, 0, tag, comm_.native()), "MPI_Send");
        return;
    }
    for (std::size_t r = 1; r < requests_.size(); ++r)
        check_mpi(MPI_Irecv(received_.data() + r * sent_.size(), values_, MPI_DOUBLE,
                            static_cast<int>(r), tag, comm_.native(), &requests_[r]),
                  "MPI_Irecv");
    check_mpi(MPI_Waitall(comm_.size(), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
}

void NetworkLoad::allreduce() {
    check_mpi(
        MPI_Allreduce(sent_.data(), received_.data(), values_, MPI_DOUBLE, MPI_SUM, comm_.native()),
        "MPI_Allreduce");
}

}  // namespace epsim
