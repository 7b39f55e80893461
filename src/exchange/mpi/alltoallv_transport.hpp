#pragma once

#include <vector>

#include "exchange/mpi/message_transport.hpp"

namespace epsim {

/// alltoallv_schedule(): one call of MPI_Alltoallv, whose algorithm is the library's.
class AlltoallvTransport final : public MessageTransport {
public:
    explicit AlltoallvTransport(Communicator const& comm);
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;

private:
    std::vector<int> send_count_, send_at_, receive_count_, receive_at_;  // [R] rows
};

}  // namespace epsim
