#pragma once

#include <climits>
#include <vector>

#include "exchange/mpi/message_transport.hpp"
#include "schedule/bruck_schedule.hpp"

namespace epsim {

/// bruck_schedule(): few messages, on whose way others' rows are stored and forwarded. Each round's
/// message begins with the row counts of the blocks that travel on; the receiver knows those of the
/// blocks that stay, and probes for the size of the rest.
class BruckTransport final : public MessageTransport {
public:
    /// \param most_bytes that one message counts in bytes; larger ones count rows
    explicit BruckTransport(Communicator const& comm, int64_t most_bytes = INT_MAX);
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;

private:
    /// Rows on this rank that came from, or are for, the rank at some distance.
    struct Block {
        std::byte const* rows;
        int64_t count;
    };
    void move(BruckRound const& round, HostBuffer& arrived, std::span<int64_t const> receive_offset,
              int64_t row_bytes);
    int64_t pack(BruckRound const& round, int64_t row_bytes);
    void unpack(BruckRound const& round, std::byte const* message, int64_t bytes,
                std::span<int64_t const> receive_offset, int64_t row_bytes);
    std::size_t source(int distance) const {
        return static_cast<std::size_t>((rank() + ranks() - distance) % ranks());
    }

    int64_t most_bytes_;
    std::vector<BruckRound> rounds_;
    std::vector<Block> blocks_;        // [R] by distance
    std::vector<HostBuffer> arrived_;  // [rounds] messages, kept until their blocks have moved on
    HostBuffer packed_;
};

}  // namespace epsim
