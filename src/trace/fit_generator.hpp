#pragma once

#include <memory>

#include "trace/fit_model.hpp"
#include "trace/options.hpp"

namespace epsim {

/// A look-alike of what the model was fitted to: each source sends one sequence after the other
/// that goes through the topics of a recorded one drawn at random; the k experts with the largest
/// scores ln -ln(1 - choice) + bias + noise (see score_sampler) are chosen. Where sources differ,
/// source s of S' draws from those of floor(s S / S') of S, or, if S' < S, of all that fall onto
/// it; where steps differ, a step draws from those of one recorded step (see FitLayout), else
/// sequences go on over the borders of steps. A function of (seed, step, layer, token, declared
/// sources) only; where sequences lie is kept in memory.
/// \param layers of the result; layer l is made like layer floor(l L / layers) of the model
/// \throws InputError if num_experts or top_k are not the model's, and as make_generator
std::unique_ptr<RoutingSource> make_fit_generator(FitModel model, RoutingOptions const& routing,
                                                  TokenOptions const& tokens, int num_experts,
                                                  int top_k, int layers);

}  // namespace epsim
