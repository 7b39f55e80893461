#pragma once

#include <array>
#include <vector>

#include "exchange/mpi/message_transport.hpp"

namespace epsim {

/// pairwise_schedule() by persistent requests (MPI_Send_init, MPI_Recv_init), one set a lane, kept
/// from call to call while buffers, offsets and row size stay the same: then a call starts and
/// waits. Otherwise this rank makes its set anew, inside the call: the phase that moves the rows
/// (counts, dispatch or combine) pays, and sets pay off only where traffic repeats. Every call
/// compares 2 (R + 1) offsets.
class PersistentTransport final : public MessageTransport {
public:
    explicit PersistentTransport(Communicator const& comm);
    ~PersistentTransport() override;
    PersistentTransport(PersistentTransport const&) = delete;
    PersistentTransport& operator=(PersistentTransport const&) = delete;

    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;
    /// How often a set of requests was made by this rank.
    int64_t times_made() const noexcept { return times_made_; }

private:
    /// The requests of a lane and what they were made for.
    struct Requests {
        std::byte const* send = nullptr;
        std::byte* receive = nullptr;
        std::vector<int64_t> send_offset, receive_offset;  // [R + 1] rows
        int64_t row_bytes = 0;
        std::vector<MPI_Request> all;  // at most 2 R
    };
    void make(Requests& requests);
    static void free(Requests& requests);

    std::array<Requests, lane_count> lanes_;
    int64_t times_made_ = 0;
};

}  // namespace epsim
