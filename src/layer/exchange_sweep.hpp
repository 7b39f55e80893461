#pragma once

#include <vector>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "layer/options.hpp"
#include "layer/replay.hpp"
#include "layer/row_mover.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// Exchanges of rows and nothing else, the same on every rank: no experts, plans made and rows in
/// send order before. S steps (sizes), L layers.
struct ExchangeCase {
    std::vector<std::vector<Array<int64_t, 2>>> rows;  ///< [S][L] of [source, destination]
    std::vector<int32_t> layer;                        ///< [L] the model's numbers
    int64_t row_bytes = 1;
    std::string algorithm;  ///< "auto": by step
    ClusterTopology const& topology;
    MeasureOptions measure;
    InjectOptions inject;
    Calibration calibration;                       ///< on rank 0; empty = not measured
    std::vector<std::string> step_algorithm = {};  ///< [S] of auto, once chosen; else empty
    std::vector<uint8_t> loaded =
        {};  ///< [S] 1 = while other ranks load the network; empty = never

    std::string const& algorithm_of(int64_t step) const {
        return step_algorithm.empty() ? algorithm : step_algorithm[static_cast<std::size_t>(step)];
    }
    bool check() const { return measure.verify != "off"; }
    int steps() const { return static_cast<int>(rows.size()); }
    int layers() const { return static_cast<int>(layer.size()); }
};

/// What a rank needs beside the case. All must outlive the measurement.
struct ExchangeEngine {
    std::vector<RowMover*> mover;  ///< [S] of each step
    ReplayProgress progress;
    std::function<bool()> interrupted;
    Heartbeat* heartbeat = nullptr;  ///< beats with every exchange; nullptr = none
    /// Turn other ranks' load on or off, before each step; collective. Empty = there is none.
    std::function<void(bool loaded)> set_load = {};
};

struct ExchangeResult {
    RunRecord record;            ///< on rank 0; lacks what only the caller knows, as replay()'s
    std::vector<int64_t> wrong;  ///< [S] rows that differed from what their source sent, any rank
};

/// Warm-up and measured passes over the steps, each iteration right after an untimed exchange of
/// the same rows: caches, connections and requests are warm. Before the passes and after them every
/// byte of every step is compared with what its source sent, bytes that no earlier exchange had.
/// Wrong rows are counted, not thrown. Collective.
/// \throws CollectiveError with ExitCode::interrupted if it was interrupted before the passes
ExchangeResult measure_exchange(ExchangeCase const& exchange, Communicator const& comm,
                                ExchangeEngine const& engine);

}  // namespace epsim
