#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Which rank each token of a step starts on.
enum class Assign { recorded, sequence, contiguous, round_robin };

/// The rule that `options.assign` names; "auto" is recorded if the source has source ranks, else
/// sequence if it has sequences, else contiguous.
/// \throws InputError on an unknown name, on `recorded` or `sequence` without what they need, and
///         on more ranks than sources unless options.split_sources
Assign resolve_assign(TokenOptions const& options, TraceInfo const& info, int ranks);

/// The tokens of a step, ascending and counted from its start, that start on `rank` of `ranks`.
/// recorded: source s of N on rank floor(s R / N) (with split_sources and R > N: a source's tokens
/// are cut evenly over its ranks floor(s R / N) .. floor((s + 1) R / N) - 1). sequence: whole
/// sequences in order, cut where the tokens before come nearest to even shares. contiguous: token t
/// of n on rank floor(t R / n). round-robin: token t on rank t mod R.
std::vector<int64_t> tokens_of_rank(RoutingSource const& source, Assign assign, StepId step,
                                    int ranks, RankId rank);

/// The batch of these tokens (ascending), read in as few ranges as is sensible.
RoutingBatch read_tokens(RoutingSource const& source, StepId step, LayerId layer,
                         std::span<int64_t const> tokens);

}  // namespace epsim
