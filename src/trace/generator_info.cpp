#include "trace/generator_info.hpp"

#include <numeric>

#include "core/build_info.hpp"
#include "core/cast.hpp"
#include "trace/limits.hpp"
#include "trace/option_range.hpp"

namespace epsim {

TraceInfo generator_info(RoutingOptions const& routing, TokenOptions const& tokens, int num_experts,
                         int top_k, int layers, std::string const& what) {
    check_sizes(num_experts, top_k);
    if (routing.layers != 0) layers = routing.layers;
    require_option(layers >= 1 && layers <= most_layers, "routing.layers", layers,
                   "it lies in 1 .. 65536");
    require_option(routing.sources >= 1 && routing.sources <= most_sources, "routing.sources",
                   routing.sources, "it lies in 1 .. 65536");
    int64_t const steps = tokens.steps == 0 ? 1 : tokens.steps;
    require_option(steps >= 1 && steps <= most_steps, "tokens.steps", steps,
                   "it lies in 1 .. 2^24");
    int64_t const per_rank = tokens.per_rank == 0 ? 1024 : tokens.per_rank;
    int64_t const per_step = tokens.per_step == 0
                                 ? checked_multiply(per_rank, routing.sources, "tokens of a step")
                                 : tokens.per_step;
    require_option(per_step >= 1 && per_step <= most_step_tokens, "tokens.per_step", per_step,
                   "it lies in 1 .. 2^28");
    require_option(per_step <= most_tokens / steps, "tokens.per_step x tokens.steps",
                   per_step * steps, "it lies in 1 .. 2^34");

    TraceInfo info;
    info.num_experts = num_experts;
    info.top_k = top_k;
    info.source_count = routing.sources;
    info.producer = fmt::format("epsim {}", build_info().version);
    info.source = fmt::format("{}, seed {}", what, routing.seed);
    info.has_weights = true;
    if (routing.sources > 1) info.columns = {TokenColumn::source_rank};
    info.layer.resize(static_cast<std::size_t>(layers));
    std::iota(info.layer.begin(), info.layer.end(), 0);
    for (int64_t i = 0; i <= steps; ++i) info.step_offset.push_back(i * per_step);
    return info;
}

}  // namespace epsim
