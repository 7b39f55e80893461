#include "exchange/mpi/pairwise_transport.hpp"

#include "core/cast.hpp"

namespace epsim {

PairwiseTransport::PairwiseTransport(Communicator const& comm) : MessageTransport(comm) {
    requests_.reserve(2 * static_cast<std::size_t>(comm.size()));
}

std::byte* PairwiseTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                              std::span<int64_t const> send_offset,
                                              std::span<int64_t const> receive_offset,
                                              int64_t row_bytes) {
    std::byte* const receive = reserve(lane, receive_offset.back() * row_bytes);
    auto const row = row_type(row_bytes);
    requests_.clear();
    for (int i = 1; i < ranks(); ++i) {
        auto const from = static_cast<std::size_t>((rank() + ranks() - i) % ranks());
        auto const in = narrow<int>(receive_offset[from + 1] - receive_offset[from]);
        if (in > 0)
            check_mpi(MPI_Irecv(receive + receive_offset[from] * row_bytes, in, row,
                                static_cast<int>(from), tag, comm(),
                                &requests_.emplace_back(MPI_REQUEST_NULL)),
                      "MPI_Irecv");
    }
    for (int i = 1; i < ranks(); ++i) {
        auto const to = static_cast<std::size_t>((rank() + i) % ranks());
        auto const out = narrow<int>(send_offset[to + 1] - send_offset[to]);
        if (out > 0)
            check_mpi(MPI_Isend(send + send_offset[to] * row_bytes, out, row, static_cast<int>(to),
                                tag, comm(), &requests_.emplace_back(MPI_REQUEST_NULL)),
                      "MPI_Isend");
    }
    copy_own(send, send_offset, receive, receive_offset, row_bytes);
    check_mpi(MPI_Waitall(narrow<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
              "MPI_Waitall");
    return receive;
}

}  // namespace epsim
