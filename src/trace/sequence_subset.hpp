#pragma once

#include <memory>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Some stretches of a trace's tokens, one after the other, as sequences, cut into steps anew.
class SequenceSubset final : public RoutingSource {
public:
    /// \param source outlives this. \param ranges of tokens counted from its start, none empty,
    ///        each within one step
    /// \param per_step tokens of a step, the last keeping what is left
    SequenceSubset(RoutingSource const& source, std::vector<TokenRange> ranges, int64_t per_step);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    /// Call piece(step of the source, range) for what makes up a range, in order.
    template <class Piece>
    void for_pieces(StepId step, TokenRange range, Piece const& piece) const;

    RoutingSource const& source_;
    std::vector<TokenRange> ranges_;
    TraceInfo info_;
};

/// The stretches of tokens that stand for sequences, each within a step: the recorded ones, or 64
/// tokens each.
std::vector<TokenRange> stretches(TraceInfo const& info);

}  // namespace epsim
