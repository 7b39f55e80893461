#include "exchange/mpi/ring_transport.hpp"

#include "core/cast.hpp"

namespace epsim {

std::byte* RingTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                          std::span<int64_t const> send_offset,
                                          std::span<int64_t const> receive_offset,
                                          int64_t row_bytes) {
    std::byte* const receive = reserve(lane, receive_offset.back() * row_bytes);
    auto const row = row_type(row_bytes);
    copy_own(send, send_offset, receive, receive_offset, row_bytes);
    for (int i = 1; i < ranks(); ++i) {
        auto const to = static_cast<std::size_t>((rank() + i) % ranks());
        auto const from = static_cast<std::size_t>((rank() + ranks() - i) % ranks());
        auto const out = narrow<int>(send_offset[to + 1] - send_offset[to]);
        auto const in = narrow<int>(receive_offset[from + 1] - receive_offset[from]);
        auto const partner = [](int rows, std::size_t other) {
            return rows > 0 ? static_cast<int>(other) : MPI_PROC_NULL;
        };
        check_mpi(MPI_Sendrecv(send + send_offset[to] * row_bytes, out, row, partner(out, to), tag,
                               receive + receive_offset[from] * row_bytes, in, row,
                               partner(in, from), tag, comm(), MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
    }
    return receive;
}

}  // namespace epsim
