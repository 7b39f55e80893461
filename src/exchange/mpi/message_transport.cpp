#include "exchange/mpi/message_transport.hpp"

#include <cstring>

namespace epsim {

void MessageTransport::all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) {
    check_mpi(
        MPI_Alltoall(send.data(), 1, MPI_INT32_T, receive.data(), 1, MPI_INT32_T, comm_.native()),
        "MPI_Alltoall");
}

MPI_Datatype MessageTransport::row_type(int64_t bytes) {
    return types_.try_emplace(bytes, bytes).first->second.native();
}

void MessageTransport::copy_own(std::byte const* send, std::span<int64_t const> send_offset,
                                std::byte* receive, std::span<int64_t const> receive_offset,
                                int64_t row_bytes) const {
    auto const r = static_cast<std::size_t>(rank());
    int64_t const rows = send_offset[r + 1] - send_offset[r];
    check(rows == receive_offset[r + 1] - receive_offset[r], "a rank keeps what it keeps");
    if (rows > 0)
        std::memcpy(receive + receive_offset[r] * row_bytes, send + send_offset[r] * row_bytes,
                    static_cast<std::size_t>(rows * row_bytes));
}

}  // namespace epsim
