#pragma once

#include <vector>

#include "layer/replay_case.hpp"
#include "layer/weight_transfer.hpp"
#include "measure/phase_recorder.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// Keeps a rank's experts, and the choice of replicas, where a case's timeline has them. All calls
/// are collective; within a pass steps are entered and left in their order.
class Rebalancer {
public:
    /// References must outlive it. \throws CollectiveError as WeightTransfer
    Rebalancer(ReplayCase const& replay, Communicator const& comm, ExpertKernel& experts,
               ReplicaChooser& replicas);

    /// Back to the first placement, for another pass. Not timed.
    void rewind();
    /// RebalanceMode::stop: change to the step's placement, as Phase::rebalance of each layer that
    /// changes. RebalanceMode::async: let weights of the next step's placement come.
    void enter(int step, PhaseRecorder& recorder);
    /// RebalanceMode::async: wait for what has not arrived, and change, as Phase::rebalance of the
    /// first layer that changes.
    void leave(int step, PhaseRecorder& recorder);

    int64_t slot_bytes() const noexcept { return transfer_.slot_bytes(); }

private:
    bool async() const { return replay_.rebalance_mode == RebalanceMode::async; }
    int version_of(int step) const {
        return replay_.timeline->version_of()[static_cast<std::size_t>(step)];
    }
    std::span<WeightMove const> moves_to(int version) const {
        return moves_[static_cast<std::size_t>(version)];
    }
    void follow(int version);

    ReplayCase const& replay_;
    Communicator channel_;
    ReplicaChooser& replicas_;
    WeightTransfer transfer_;
    std::vector<std::vector<WeightMove>> moves_;  // [V] from the version before
    int version_ = 0;
};

/// On rank 0: what the weights' way cost in bytes, by the moves of the case's timeline, and which
/// placement each step had. \param slot_bytes of one expert's weights
void keep_rebalancing(ReplayCase const& replay, int64_t slot_bytes, RunRecord& record);

}  // namespace epsim
