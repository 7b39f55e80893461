#pragma once

#include <cstdint>
#include <optional>

namespace epsim {

/// Whose formula says how many tokens an expert accepts: T tokens, E experts, top-k, factor CF.
enum class CapacityPolicy {
    none,       ///< dropless
    deepspeed,  ///< max(4, ceil(T / E CF k)): sharded_moe.py, _capacity, min_capacity 4
    megatron,   ///< ceil(T k / E CF): moe_utils.py, get_capacity
    tutel,      ///< k int(CF ceil(T / E)); CF = 0: the largest load, so nothing is dropped; CF < 0:
                ///< the same, at most k int(-CF ceil(T / E)): fast_dispatch.py, extract_critical
    fairscale,  ///< 2 T // E: top2gate.py
    switch_transformer  ///< ceil(T / E CF): Fedus et al. 2022, eq. 3
};

struct CapacityRule {
    CapacityPolicy policy = CapacityPolicy::none;
    double factor = 1;
    int top_k = 1;

    /// Whether capacity() asks for the largest load.
    bool needs_load() const noexcept { return policy == CapacityPolicy::tutel && factor <= 0; }
};

/// Tokens that an expert accepts. \param tokens of the step, or of the source rank
/// \param largest_load assignments of the busiest expert; read only if rule.needs_load()
/// \return nothing = without limit
std::optional<int64_t> capacity(CapacityRule const& rule, int64_t tokens, int experts,
                                int64_t largest_load);

}  // namespace epsim
