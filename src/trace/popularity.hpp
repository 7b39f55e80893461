#pragma once

#include <string>
#include <vector>

#include "core/ids.hpp"
#include "trace/options.hpp"

namespace epsim {

/// What a model of popularity may depend on.
struct PopularityCase {
    RoutingOptions const& routing;
    int num_experts, top_k;
    LayerId layer;
};

/// Logarithms of the weights by place of popularity, the most popular first (of `hot` kinds: the
/// hot ones); k experts are drawn one after the other by weight. [num_experts]
///   uniform     all alike
///   zipf        p^-zipf_s, p = 1, 2, ..
///   power-law   quantiles (E - p + 1/2) / E of the density x^-power_law_alpha on
///               [1, power_law_range]
///   log-normal  quantiles of the log-normal with `sigma`, or with the sigma for which
///               max / mean - 1 of the expected loads is max_vio
///   dirichlet   Dirichlet(dirichlet_alpha) draws, others for every layer
///   hot, hot-rank, spread-hot  n experts share hot_share of all assignments evenly, the others
///               share the rest: all of hot_experts, or those of a rank
using PopularityModel = std::vector<double> (*)(PopularityCase const&);

struct NamedPopularity {
    std::string name;
    PopularityModel log_weights;  ///< \throws InputError on parameters out of range
};
std::vector<NamedPopularity> const& popularity_models();

/// Of `hot`, `spread-hot`: hot_experts; of `hot-rank`: the experts of that rank, which are those e
/// with floor(e S / E) = rank. \throws InputError if there are not so many
int hot_count(PopularityCase const& c);

}  // namespace epsim
