#pragma once

#include <span>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Neighbouring tokens of one source and step that stand for a sequence.
struct Stretch {
    TokenRange range;  ///< of tokens counted from the trace's start
    int32_t source;
    int64_t step;
};

/// Some stretches of a trace's tokens, one after the other, as sequences.
class SequenceSubset final : public RoutingSource {
public:
    /// \param source outlives this. \param stretches none empty, each within one step of `source`;
    ///        `step` is that of the result, less than `steps`, and none is before its predecessor's
    SequenceSubset(RoutingSource const& source, std::span<Stretch const> stretches, int64_t steps);

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

/// The recorded sequences, cut where steps or sources change, or, where there are none, an even
/// number of stretches of at most 64 tokens of each source in each step. All tokens, in order.
std::vector<Stretch> stretches(RoutingSource const& source);

/// Every second stretch of each source. Steps with less than half the mean tokens are joined to
/// those before them.
/// \param which 0 or 1: the two halves have no token in common, and together all
/// \throws InputError if that is none
SequenceSubset half_of(RoutingSource const& source, int which);

}  // namespace epsim
