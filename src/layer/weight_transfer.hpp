#pragma once

#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "compute/expert_kernel.hpp"
#include "device/host_block.hpp"
#include "placement/rebalance.hpp"

namespace epsim {

/// Sends experts' weights from rank to rank, out of the slots of kernels and into them. All calls
/// are collective, with the same moves on every rank.
class WeightTransfer {
public:
    /// \param channel nobody else's   \param slots whose ranks the moves' slots are on
    /// All must outlive it.
    /// \throws CollectiveError if ranks' kernels keep weights unlike each other's, or not on hosts
    WeightTransfer(Communicator const& channel, ExpertKernel& experts, Placement const& slots);

    /// Memory for these moves at once.
    void reserve(std::span<WeightMove const> moves);
    /// Lets weights of other ranks come; slots keep what they hold.
    void begin(std::span<WeightMove const> moves);
    /// Waits until all have come and gone, and puts them into their slots.
    void finish();
    bool is_running() const noexcept { return !moves_.empty(); }

    int64_t slot_bytes() const noexcept { return slot_bytes_; }
    int64_t sent_bytes() const noexcept { return sent_; }          ///< by this rank to others
    int64_t received_bytes() const noexcept { return received_; }  ///< from others

private:
    std::vector<std::span<std::byte>> weights(int layer, SlotId slot);
    bool is_mine(SlotId slot) const { return slots_.rank_of(slot) == channel_.rank(); }
    std::byte* arrival(std::size_t i) const {
        return staging_.data() + static_cast<int64_t>(i) * slot_bytes_;
    }

    Communicator const& channel_;
    ExpertKernel& experts_;
    Placement const& slots_;
    int64_t slot_bytes_ = 0;
    HostBlock staging_;  // an arrival after the other
    std::vector<WeightMove> moves_;
    std::vector<MPI_Request> requests_;
    int64_t sent_ = 0, received_ = 0;
};

}  // namespace epsim
