#include "exchange/mpi/alltoall_transport.hpp"

#include "core/cast.hpp"

namespace epsim {

std::byte* AlltoallTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                              std::span<int64_t const> send_offset,
                                              std::span<int64_t const> receive_offset,
                                              int64_t row_bytes) {
    int64_t const rows = send_offset[1];
    for (std::size_t r = 0; r < send_offset.size(); ++r)
        check(
            send_offset[r] == static_cast<int64_t>(r) * rows && receive_offset[r] == send_offset[r],
            "every rank gets as many rows");
    std::byte* const receive = reserve(lane, receive_offset.back() * row_bytes);
    auto const row = row_type(row_bytes);
    int const count = narrow<int>(rows);
    check_mpi(MPI_Alltoall(send, count, row, receive, count, row, comm()), "MPI_Alltoall");
    return receive;
}

}  // namespace epsim
