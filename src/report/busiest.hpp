#pragma once

#include <cstdint>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// An expert's load over all steps.
struct ExpertLoad {
    int32_t layer;  ///< the model's layer number
    int64_t expert;
    std::vector<int32_t> rank;  ///< those that hold it at the end; empty if no placement is stored
    int64_t tokens;             ///< assignments
    double share;               ///< of its layer's assignments
    double over_mean;           ///< tokens / mean over the layer's experts
};

/// A rank's load over all steps and layers, and its own median times a step (NaN if not measured).
struct RankLoad {
    int64_t rank;
    int64_t tokens;     ///< assignments received
    double share;       ///< of all ranks' assignments
    double over_mean;   ///< tokens / mean over ranks
    double expert_s;    ///< expert phase
    double exchange_s;  ///< counts + dispatch + combine, waiting included
};

/// The `n` most loaded (layer, expert) pairs by over_mean, idle ones left out; ties by position.
std::vector<ExpertLoad> busiest_experts(RunRecord const& record, std::size_t n);

/// The `n` most loaded ranks; ties by number.
std::vector<RankLoad> busiest_ranks(RunRecord const& record, std::size_t n);

}  // namespace epsim
