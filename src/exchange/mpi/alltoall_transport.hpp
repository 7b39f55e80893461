#pragma once

#include "exchange/mpi/message_transport.hpp"

namespace epsim {

/// Blocks of one size, from every rank to every rank: one call of MPI_Alltoall.
class AlltoallTransport final : public MessageTransport {
public:
    using MessageTransport::MessageTransport;
    /// \param send_offset, receive_offset multiples of one number, the same on all ranks
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;
};

}  // namespace epsim
