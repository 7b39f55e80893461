#pragma once

#include <memory>

#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Synthetic routing: independent tokens, each with k distinct experts drawn one after the other.
/// `uniform`: all experts alike. `zipf`: the expert at place p = 1, 2, .. of its layer's order of
/// popularity has weight p^-zipf_s; the order is shuffled for every layer by the seed. Uniform is
/// zipf_s = 0. Weights: w_j = u_j + .. + u_k over their sum, u uniform in (0, 1]: positive,
/// descending, they sum to 1.
///
/// A function of (seed, step, layer, token of the step, declared sources) only. Steps
/// `tokens.steps` (0 = 1), each of `tokens.per_step` tokens (0 = tokens.per_rank, itself 0 = 1024,
/// times routing.sources): the same whatever the number of ranks. More than one source makes a
/// source_rank column: token t of n comes from source floor(t sources / n).
/// \param layers of the model; routing.layers, where not 0, overrides it. Numbered from 0.
/// \throws InputError on numbers that are no routing, "problem (reason). What to do"
std::unique_ptr<RoutingSource> make_generator(RoutingOptions const& routing,
                                              TokenOptions const& tokens, int num_experts,
                                              int top_k, int layers);

}  // namespace epsim
