#pragma once

#include <memory>

#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// make_generator, or make_fit_generator with the file of routing.fit. \throws InputError
std::unique_ptr<RoutingSource> open_generator(RoutingOptions const& routing,
                                              TokenOptions const& tokens, int num_experts,
                                              int top_k, int layers);

}  // namespace epsim
