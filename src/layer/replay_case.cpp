#include "layer/replay_case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace epsim {

StepInput load_step(ReplayCase const& replay, StepId step, int ranks, RankId rank) {
    StepInput input;
    input.step = step;
    input.tokens = tokens_of_rank(replay.source, replay.assign, step, ranks, rank);
    if (replay.router.decides) return input;
    for (LayerId const layer : replay.layers)
        input.routing.push_back(read_tokens(replay.source, step, layer, input.tokens));
    return input;
}

std::string describe_token(ReplayCase const& replay, StepId step, int layer, int64_t token,
                           std::span<ExpertId const> experts) {
    std::vector<int> ids;
    for (ExpertId const e : experts) ids.push_back(index(e));
    return fmt::format("step {}, layer {}, token {} (experts {})", index(step),
                       replay.layer_number(layer), token, fmt::join(ids, ", "));
}

}  // namespace epsim
