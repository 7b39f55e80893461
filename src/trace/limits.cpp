#include "trace/limits.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/error.hpp"

namespace epsim {

void check_sizes(int64_t num_experts, int64_t top_k) {
    if (num_experts < 1 || num_experts > most_experts)
        throw InputError(fmt::format(
            "num_experts = {} is out of range (a layer has 1 to {} experts). Correct it",
            num_experts, most_experts));
    if (top_k < 1)
        throw InputError(
            fmt::format("top_k = {} is out of range (a token has an expert). Correct it", top_k));
    if (top_k > num_experts)
        throw InputError(
            fmt::format("top_k = {} exceeds num_experts = {} (each token needs distinct experts). "
                        "Lower top_k",
                        top_k, num_experts));
}

void check_range(TraceInfo const& info, StepId step, LayerId layer, TokenRange range) {
    check(index(step) >= 0 && index(step) < info.steps(), "the step exists");
    check(index(layer) >= 0 && static_cast<std::size_t>(index(layer)) < info.layer.size(),
          "the layer exists");
    check(range.begin >= 0 && range.begin <= range.end && range.end <= info.tokens_of(step),
          "the tokens exist");
}

void check_batch(RoutingBatch const& batch, int num_experts, int32_t layer, int64_t first_token) {
    auto const k = static_cast<std::size_t>(batch.top_k);
    std::vector<std::size_t> chosen_by(static_cast<std::size_t>(num_experts));  // token + 1
    for (std::size_t i = 0; i < batch.expert.size(); ++i) {
        auto const fail = [&](std::string const& what) {
            throw InputError(
                fmt::format("{} (layer {}, token {}). Correct the file, or the "
                            "numbers of experts and of experts a token",
                            what, layer, first_token + static_cast<int64_t>(i / k)));
        };
        if (!std::isfinite(batch.weight[i])) fail("a gate weight is not a finite number");
        if (std::abs(batch.weight[i]) > most_weight)
            fail(fmt::format("gate weight {} is beyond {}", batch.weight[i], most_weight));
        if (batch.expert[i] == no_expert) continue;
        int32_t const e = index(batch.expert[i]);
        if (e < 0 || e >= num_experts)
            fail(fmt::format("expert {} is out of range [0, {})", e, num_experts));
        auto& last = chosen_by[static_cast<std::size_t>(e)];
        if (last == i / k + 1) fail(fmt::format("expert {} stands twice in a token", e));
        last = i / k + 1;
    }
}

}  // namespace epsim
