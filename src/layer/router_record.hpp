#pragma once

#include "comm/communicator.hpp"
#include "layer/router.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// Sums what a router did over the ranks and puts it into the record: dropped, source_dropped,
/// health and what provenance["gate"] counts.
class RouterRecord {
public:
    RouterRecord(ReplayCase const& replay, Communicator const& comm);
    /// After all layers of a step have been routed. Collective; fills `record` on rank 0.
    void keep(Router const& router, int step, RunRecord& record);

private:
    void make_room(RunRecord& record) const;
    RoutingSums over_ranks(RoutingSums sums) const;

    ReplayCase const& replay_;
    Communicator const& comm_;
    int64_t sources_;
    int64_t rerouted_ = 0;
};

}  // namespace epsim
