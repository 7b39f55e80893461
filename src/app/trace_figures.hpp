#pragma once

#include <span>
#include <vector>

#include "measure/imbalance.hpp"
#include "trace/coactivation.hpp"
#include "trace/routing.hpp"
#include "trace/statistics.hpp"

namespace epsim {

/// How one layer's routing loads ranks under linear placement (expert e of E on rank
/// floor(e R / E)). A rank's load: assignments to its experts.
struct RankSkew {
    int ranks;
    double by_step;  ///< sum over steps of the busiest rank's load / the same of the mean load:
                     ///< what waiting for the busiest rank at every step costs
    double whole;    ///< max / mean of the loads summed over steps
    double distinct_ranks;  ///< that a token's experts are on, mean; sent once to each with dedup
    double distinct_nodes;  ///< the same of nodes, ranks being filled in node after node
};

struct LayerFigures {
    int32_t layer;  ///< the model's number
    LayerCounts counts;
    Imbalance experts;            ///< of the experts' assignments over all steps
    std::vector<int> hottest;     ///< experts with the most assignments first, the lowest of equals
    std::vector<RankSkew> ranks;  ///< one for each EP size
    double coactivation;          ///< Coactivation::distance; NaN if there are too many experts
    Coactivation::Pair strongest;     ///< no pair if there are too many experts
    double step_change, half_change;  ///< Drift's
};

/// The sizes that figures are given for.
struct FigureSizes {
    std::vector<int> ep{2, 4, 8, 16};
    int ranks_per_node = 8;
    int hottest = 8;  ///< experts to name
};

/// Reads the trace once. [L]. NaN where a layer has no assignments.
std::vector<LayerFigures> trace_figures(RoutingSource const& source, FigureSizes const& sizes);

}  // namespace epsim
