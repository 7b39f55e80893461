#pragma once

#include <memory>

#include "exchange/mpi/row_messages.hpp"
#include "exchange/mpi/shm_node.hpp"

namespace epsim {

/// Inside a node every sender copies its rows once, straight into the receiver's memory; between
/// nodes they travel as messages. Who has no rows for a rank does not wait for it, but for counts.
class ShmTransport final : public Transport {
public:
    /// Collective over `comm`, which must outlive it. \throws CollectiveError as ShmNode
    ShmTransport(Communicator const& comm, ClusterTopology const& topology);

    int ranks() const override { return comm_.size(); }
    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override;
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) override;

    ShmNode& node() noexcept { return node_; }

private:
    Communicator const& comm_;
    ShmNode node_;
    RowMessages messages_;
    std::vector<int> others_;   // ranks of other nodes, from this rank's on
    std::vector<int> waiting_;  // places that rows still have to go to
};

}  // namespace epsim
