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
/// sequences in order, cut where the tokens before come nearest to even shares: of the step's n
/// tokens rank r takes those from border b(r) to b(r + 1), where b(r) is the start of a sequence,
/// or 0 or n, nearest to r n / R, the lower of two. A sequence that straddles the border of a step
/// is cut there: each part is a sequence of its step. A rank may get none. contiguous: token t of n
/// on rank floor(t R / n). round-robin: token t on rank t mod R. Every token is on exactly one
/// rank. O(tokens of the step) time for recorded, O(tokens of the rank) for the others.
/// \throws InputError on a recorded source rank that is out of range
std::vector<int64_t> tokens_of_rank(RoutingSource const& source, Assign assign, StepId step,
                                    int ranks, RankId rank);

/// The batch of these tokens (ascending, distinct), read in as few ranges as is sensible.
RoutingBatch read_tokens(RoutingSource const& source, StepId step, LayerId layer,
                         std::span<int64_t const> tokens);

}  // namespace epsim
