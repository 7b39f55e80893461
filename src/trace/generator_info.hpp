#pragma once

#include <string>

#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// What a generator says of itself. Steps `tokens.steps` (0 = 1), each of `tokens.per_step` tokens
/// (0 = tokens.per_rank, itself 0 = 1024, times routing.sources): the same whatever the number of
/// ranks. More than one source makes a source_rank column.
/// \param layers of the model; routing.layers, where not 0, overrides it. Numbered from 0.
/// \param what it generates, for TraceInfo::source
/// \throws InputError on numbers that are no routing
TraceInfo generator_info(RoutingOptions const& routing, TokenOptions const& tokens, int num_experts,
                         int top_k, int layers, std::string const& what);

}  // namespace epsim
