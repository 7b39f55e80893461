#pragma once

#include <span>
#include <vector>

#include "measure/imbalance.hpp"
#include "trace/routing.hpp"
#include "trace/statistics.hpp"

namespace epsim {

/// How unevenly one layer's routing loads ranks under linear placement (expert e of E on rank
/// floor(e R / E)). A rank's load: assignments to its experts.
struct RankSkew {
    int ranks;
    double by_step;  ///< sum over steps of the busiest rank's load / the same of the mean load:
                     ///< what waiting for the busiest rank at every step costs
    double whole;    ///< max / mean of the loads summed over steps
};

struct LayerFigures {
    int32_t layer;  ///< the model's number
    LayerCounts counts;
    Imbalance experts;  ///< of the experts' assignments over all steps
    int busiest_expert;
    std::vector<RankSkew> ranks;  ///< one for each EP size
};

/// Reads the trace once. [L]. NaN where a layer has no assignments.
std::vector<LayerFigures> trace_figures(RoutingSource const& source, std::span<int const> ep_sizes);

}  // namespace epsim
