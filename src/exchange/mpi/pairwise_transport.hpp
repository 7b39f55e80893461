#pragma once

#include <vector>

#include "exchange/mpi/message_transport.hpp"

namespace epsim {

/// pairwise_schedule(): a message between every two ranks that have rows for each other, all at
/// once; the nearest rank first, so that no rank is everybody's first. Own rows are copied while
/// the others fly.
class PairwiseTransport final : public MessageTransport {
public:
    explicit PairwiseTransport(Communicator const& comm);
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;

private:
    std::vector<MPI_Request> requests_;  // of one call: at most 2 R
};

}  // namespace epsim
