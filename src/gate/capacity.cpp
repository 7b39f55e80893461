#include "gate/capacity.hpp"

#include <algorithm>
#include <cmath>

namespace epsim {
namespace {

int64_t ceiling(double value) {
    return static_cast<int64_t>(std::ceil(value));
}

int64_t tutel(CapacityRule const& rule, int64_t tokens, int experts, int64_t largest_load) {
    auto const share = static_cast<double>((tokens + experts - 1) / experts);
    int64_t const limit =
        rule.top_k * static_cast<int64_t>(std::trunc(std::abs(rule.factor) * share));
    if (rule.factor > 0) return limit;
    return rule.factor < 0 ? std::min(largest_load, limit) : largest_load;
}

}  // namespace

std::optional<int64_t> capacity(CapacityRule const& rule, int64_t tokens, int experts,
                                int64_t largest_load) {
    auto const t = static_cast<double>(tokens), e = static_cast<double>(experts);
    switch (rule.policy) {
        case CapacityPolicy::none:
            return std::nullopt;
        case CapacityPolicy::deepspeed:
            return std::max<int64_t>(4, ceiling(t / e * (rule.factor * rule.top_k)));
        case CapacityPolicy::megatron:
            return ceiling(t * rule.top_k / e * rule.factor);
        case CapacityPolicy::tutel:
            return tutel(rule, tokens, experts, largest_load);
        case CapacityPolicy::fairscale:
            return 2 * tokens / experts;
        case CapacityPolicy::switch_transformer:
            return ceiling(t / e * rule.factor);
    }
    return std::nullopt;
}

}  // namespace epsim
