#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trace/options.hpp"
#include "trace/routing.hpp"
#include "trace/source_shares.hpp"
#include "trace/token_sampler.hpp"

namespace epsim {

/// The names that make_generator knows: `balanced` and those of popularity_models().
std::vector<std::string> const& generator_names();

/// Synthetic routing: k distinct experts a token, drawn one after the other by weight, independent
/// of each other unless options say otherwise. How popular experts are: popularity.hpp; how that
/// changes over steps: step_popularity.hpp; whom it favours: place_order.hpp, favourites.hpp; what
/// tokens and layers share: token_sampler.hpp; which source a token comes from: source_shares.hpp;
/// gate weights: gate_weights.hpp.
///
/// A function of (seed, step, layer, token of the step, declared sources) only.
/// \param layers of the model, see generator_info.hpp
/// \throws InputError on numbers that are no routing, "problem (reason). What to do"
std::unique_ptr<RoutingSource> make_generator(RoutingOptions const& routing,
                                              TokenOptions const& tokens, int num_experts,
                                              int top_k, int layers);

/// A routing source that asks a sampler, with gate weights and a source_rank column.
std::unique_ptr<RoutingSource> sampled_source(TraceInfo info, SourceShares sources,
                                              std::unique_ptr<TokenSampler const> sampler,
                                              uint64_t seed);

}  // namespace epsim
