#include "trace/fit_tokens.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr int64_t most_fitted_tokens = int64_t{1} << 16;

}  // namespace

TokenTable token_table(RoutingSource const& source) {
    auto const& info = source.info();
    if (info.tokens() == 0 || info.layer.empty())
        throw InputError("the trace has no tokens to fit (it is empty). Use another");
    if (info.tokens() > most_fitted_tokens)
        throw InputError(fmt::format("the trace has {} tokens (at most {} are fitted). Slice it",
                                     info.tokens(), most_fitted_tokens));
    TokenTable table{info.layer.size(),
                     static_cast<std::size_t>(info.num_experts),
                     static_cast<std::size_t>(info.top_k),
                     static_cast<std::size_t>(info.tokens()),
                     {}};
    table.chosen.resize(table.tokens * table.layers * table.top_k);
    for (std::size_t s = 0; s < static_cast<std::size_t>(info.steps()); ++s) {
        TokenRange const all{0, info.tokens_of(static_cast<StepId>(s))};
        auto const first = static_cast<std::size_t>(info.step_offset[s]);
        for (std::size_t l = 0; l < table.layers; ++l) {
            auto const batch = source.read(static_cast<StepId>(s), static_cast<LayerId>(l), all);
            for (std::size_t i = 0; i < batch.expert.size(); ++i) {
                if (batch.expert[i] == no_expert)
                    throw InputError(
                        "a token has fewer experts than top_k (-1 in the trace), "
                        "which is not fitted. Slice it away");
                auto const token = first + i / table.top_k;
                table.chosen[(token * table.layers + l) * table.top_k + i % table.top_k] =
                    static_cast<uint32_t>(l * table.experts) +
                    static_cast<uint32_t>(index(batch.expert[i]));
            }
        }
    }
    return table;
}

}  // namespace epsim
