#include "exchange/mpi/row_messages.hpp"

#include "core/cast.hpp"

namespace epsim {

void RowMessages::receive(int tag, std::byte* rows, int64_t count, int64_t row_bytes, int from) {
    check_mpi(MPI_Irecv(rows, narrow<int>(count), row_type(row_bytes), from, tag, comm_.native(),
                        &requests_.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Irecv");
}

void RowMessages::send(int tag, std::byte const* rows, int64_t count, int64_t row_bytes, int to) {
    check_mpi(MPI_Isend(rows, narrow<int>(count), row_type(row_bytes), to, tag, comm_.native(),
                        &requests_.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Isend");
}

bool RowMessages::test() {
    if (requests_.empty()) return true;
    int done = 0;
    check_mpi(
        MPI_Testall(narrow<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE),
        "MPI_Testall");
    if (done) requests_.clear();
    return done != 0;
}

}  // namespace epsim
