#pragma once

#include "trace/routing.hpp"

namespace epsim {

inline constexpr int most_experts = 65536;  ///< of a layer; above that a number is a mistake
inline constexpr int most_layers = 65536;
inline constexpr int most_sources = 65536;
inline constexpr int64_t most_step_tokens = int64_t{1} << 28;  ///< training batches are under 2^27
inline constexpr int64_t most_steps = int64_t{1} << 24;   ///< of a trace; each is kept in memory
inline constexpr int64_t most_tokens = int64_t{1} << 34;  ///< that a generator makes

/// Gate weights are shares, and those of no model are anywhere near this: products with outputs
/// stay finite.
inline constexpr float most_weight = 1e30f;

/// \throws InputError unless 1 <= top_k <= num_experts <= most_experts
void check_sizes(int64_t num_experts, int64_t top_k);

/// For sources: the caller asks for tokens that exist. \throws Error if not
void check_range(TraceInfo const& info, StepId step, LayerId layer, TokenRange range);

/// Experts that a file holds: in [0, num_experts) or none, distinct within a token; weights finite,
/// of at most most_weight.
/// \param layer the model's number, \param first_token of the batch, in the trace: for the message
/// \throws InputError naming layer and token
void check_batch(RoutingBatch const& batch, int num_experts, int32_t layer, int64_t first_token);

}  // namespace epsim
