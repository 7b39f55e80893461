#pragma once

#include "fuzz/fuzz_input.hpp"
#include "trace/routing.hpp"

namespace epsim::fuzz {

/// Read all of a source, in one piece and in two.
inline void read_whole(RoutingSource const& source) {
    auto const& info = source.info();
    for (int64_t s = 0; s < info.steps(); ++s) {
        StepId const step{static_cast<int32_t>(s)};
        int64_t const tokens = info.tokens_of(step);
        for (std::size_t l = 0; l < info.layer.size(); ++l) {
            LayerId const layer{static_cast<int32_t>(l)};
            auto const all = source.read(step, layer, {0, tokens});
            require(all.tokens() == tokens, "a batch has the tokens that were asked for");
            auto joined = source.read(step, layer, {0, tokens / 3});
            auto const rest = source.read(step, layer, {tokens / 3, tokens});
            joined.expert.insert(joined.expert.end(), rest.expert.begin(), rest.expert.end());
            joined.weight.insert(joined.weight.end(), rest.weight.begin(), rest.weight.end());
            require(joined == all, "pieces are those of the whole");
        }
    }
}

}  // namespace epsim::fuzz
