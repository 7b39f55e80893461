#pragma once

#include <memory>

#include "compute/expert_kernel.hpp"
#include "layer/layer_spec.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// The identity check sends, instead of token vectors, signatures: small integers that only this
/// (step, token) has; an "expert" adds its own. What must come back is then known bit for bit (with
/// dedup up to the rounding of partial sums), so that one wrong row, slot, weight or element shows
/// unless its weight is too small to change the sum.

/// Fill out[i] with the signature of token tokens[i] of a step. \param out [tokens, hidden]
void token_signatures(LayerSpec const& spec, StepId step, std::span<int64_t const> tokens,
                      BufferView out);

/// The kernel that adds the signature of (layer, expert of the slot) to each row.
/// \param placement must outlive it
std::unique_ptr<ExpertKernel> make_identity_kernel(LayerSpec const& spec,
                                                   Placement const& placement, RankId rank);

/// What a layer must return for one token as fp32 sums, made without plan, permutation or messages:
/// the same roundings in the same order, so that equality is bitwise.
/// \param experts, weights of the token, [top_k]   \param out [hidden]
/// \param bound [hidden] by how much partial sums (dedup) may differ from it; 0 without
void expected_identity(LayerSpec const& spec, StepId step, LayerId layer, int64_t token,
                       std::span<ExpertId const> experts, std::span<float const> weights,
                       std::span<float> out, std::span<float> bound);

}  // namespace epsim
