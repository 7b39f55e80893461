#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "trace/routing.hpp"

namespace epsim {

/// Routing that a recording gives piece by piece: the tokens of a step, source and layer, in order.
class RoutingPieces {
public:
    /// Tokens that follow those which the step, source and layer have already.
    /// \param piece weights may be missing; a smaller top_k than others' is filled with none
    void add(int64_t step, int64_t source, int64_t layer, RoutingBatch piece);
    /// Values of a step's and source's tokens that follow those it has already.
    void add_column(TokenColumn which, int64_t step, int64_t source,
                    std::vector<int32_t> const& values);

    /// Steps in the order of their numbers, in each the sources in the order of theirs. Layers
    /// without a step's tokens, or without any of a source, get tokens without experts.
    /// \param info experts and texts; the rest is filled in. \param top_k 0 = the places that
    ///        tokens fill
    /// \throws InputError if two layers have different numbers of a step's and source's tokens, a
    ///         number is out of range, or nearly everything is missing
    std::unique_ptr<RoutingSource const> join(TraceInfo info, int top_k = 0) const;

private:
    using StepSource = std::pair<int64_t, int64_t>;
    std::map<StepSource, int64_t> token_counts() const;
    RoutingBatch layer_batch(int64_t layer, std::map<StepSource, int64_t> const& tokens, int top_k,
                             bool weights) const;

    std::map<int64_t, std::map<StepSource, RoutingBatch>> layers_;
    std::map<TokenColumn, std::map<StepSource, std::vector<int32_t>>> columns_;
};

}  // namespace epsim
