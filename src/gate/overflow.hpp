#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gate/capacity.hpp"
#include "gate/gate_draws.hpp"
#include "gate/selection.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Which assignments an expert accepts first.
enum class AcceptOrder {
    position,     ///< all tokens' first choices, then second ones, .., each in the order of tokens
    probability,  ///< the largest gate weights: Megatron-Core's default drop policy; DeepSeek-V2
    random,       ///< any alike: DeepSpeed's use_rts
    batch_prioritised  ///< choice by choice; tokens by their largest weight (Riquelme et al. 2021)
};

/// What becomes of an assignment that its expert does not accept.
enum class Reroute {
    none,       ///< dropped
    next_best,  ///< to the expert with room that the token scores highest and has not chosen
    random      ///< to any expert with room that it has not chosen
};

struct OverflowRule {
    CapacityRule capacity;
    AcceptOrder order = AcceptOrder::position;
    Reroute reroute = Reroute::none;
    bool per_source = false;  ///< each source's tokens for themselves, T its tokens
    int budget_ranks = 0;     ///< experts, in order, on so many ranks, each of which accepts what
                              ///< its experts do together (DeepSeek-V2, section 2.1.4); 0 = no such
};

/// One step and layer on one rank.
struct Assignments {
    RoutingBatch batch;                      ///< as the gate chose
    std::span<int64_t const> tokens;         ///< [T] numbers in the step
    std::span<int32_t const> source;         ///< [T] declared source of each
    std::span<int64_t const> source_tokens;  ///< [sources] tokens of each, over all ranks
    int experts = 0;
    std::span<float const> score = {};  ///< [T, E] that weights are made of; for Reroute::next_best
};

struct Accepted {
    RoutingBatch batch;            ///< no_expert = dropped (or chose none before)
    std::vector<int64_t> dropped;  ///< [experts, sources] assignments of this rank's tokens, by the
                                   ///< expert that they first chose
    std::vector<int64_t>
        capacity;               ///< [groups] most that each group accepts; empty = without limit
    double dropped_weight = 0;  ///< sum of the dropped assignments' gate weights
    int64_t rerouted = 0;       ///< assignments that another expert than the chosen got
};

/// \throws InputError where a step's tokens, their choices and weights are too many to be told apart
///         in 64 bits
void check_order(OverflowRule const& rule, int64_t step_tokens, int choices);

/// Apply capacity and overflow. An assignment that is rerouted keeps its weight per score: w s_new
/// / s_old (without scores: its weight). Every rank must call it; the result is the same whatever
/// the number of ranks.
/// \param sum over the ranks that share sources
/// \throws InputError as check_order
Accepted accept(Assignments assignments, OverflowRule const& rule, GateDraws const& draws,
                SumOverRanks const& sum);

}  // namespace epsim
