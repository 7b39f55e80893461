#include "gate/logits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace epsim {

void check_finite(Logits const& logits, std::span<int64_t const> tokens) {
    auto const bad =
        std::ranges::find_if_not(logits.value, [](float x) { return std::isfinite(x); });
    if (bad == logits.value.end()) return;
    auto const at = bad - logits.value.begin();
    int64_t const row = at / logits.experts;
    throw InputError(fmt::format(
        "the logit of token {} for expert {} is {} (logits are finite). Correct what "
        "routing.logits names",
        tokens.empty() ? row : tokens[static_cast<std::size_t>(row)], at % logits.experts, *bad));
}

RoutingBatch start_batch(Logits const& logits, int choices) {
    if (choices < 1 || choices > logits.experts)
        throw InputError(
            fmt::format("a gate cannot choose {} of {} experts (a token's are distinct). Correct "
                        "model.top_k or model.num_experts",
                        choices, logits.experts));
    check(logits.value.size() % static_cast<std::size_t>(logits.experts) == 0,
          "logits are [tokens, experts]");
    check_finite(logits);
    auto const entries = static_cast<std::size_t>(logits.tokens() * choices);
    return {choices, std::vector<ExpertId>(entries, no_expert), std::vector<float>(entries, 0.0f)};
}

}  // namespace epsim
