#pragma once

#include <memory>

#include "comm/communicator.hpp"
#include "layer/layer_bounds.hpp"
#include "layer/layer_traffic.hpp"
#include "layer/replay_case.hpp"
#include "measure/run_record.hpp"
#include "rows/grouped_rows.hpp"

namespace epsim {

/// Of all caches of a host, the largest over hosts; 0 if one does not know. Collective.
double host_cache_bytes(Communicator const& comm);

/// Collects the work of a survey and keeps its bounds in a record.
class PhaseBounds {
public:
    /// Collective. Does nothing where no rank has a calibration; rank 0's is used.
    PhaseBounds(ReplayCase const& replay, Communicator const& comm);

    /// Forget the step before.
    void begin_step();
    /// Add what this rank did for a part of a layer's tokens.
    void count(int64_t layer, SlotRouting const& sent, GroupedRows const& received);
    /// Fill bound, least_bound, bound_resource and resource of a step on rank 0. Where weights move
    /// before the step, those of Phase::rebalance too: the messages, each expert's weights once.
    /// Collective.
    /// \param traffic [L] on rank 0
    void keep(RunRecord& record, int64_t step, std::span<LayerTraffic const> traffic);

private:
    std::span<int64_t> counts_of(int64_t layer);
    void keep_weights(RunRecord& record, int64_t step) const;
    LayerWork work_of(int64_t layer, LayerTraffic const& traffic,
                      std::span<int64_t const> counts) const;

    ReplayCase const& replay_;
    Communicator const& comm_;
    bool active_;
    std::unique_ptr<MachineLimits> limits_;  // on rank 0
    Array<int64_t, 2> counts_;  // [L, R + N + 4] of this rank: distinct rows by rank and by node,
                                // tokens with rows, tokens, active slots, entries
    Array<uint8_t, 2> slot_is_active_;  // [L, local slots]
};

}  // namespace epsim
