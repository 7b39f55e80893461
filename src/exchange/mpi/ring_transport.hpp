#pragma once

#include "exchange/mpi/message_transport.hpp"

namespace epsim {

/// ring_schedule(), one round after the other: a rank has one message out and one in at a time.
class RingTransport final : public MessageTransport {
public:
    using MessageTransport::MessageTransport;
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;
};

}  // namespace epsim
