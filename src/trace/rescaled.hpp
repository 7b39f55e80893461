#pragma once

#include <memory>
#include <vector>

#include "core/rng.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// What a trace is rescaled to; 0 = as it is.
struct Rescaling {
    int64_t tokens_per_step = 0;
    int experts = 0;
    int sources = 0;
    uint64_t seed = 1;
};

/// A trace with other numbers of tokens, experts or sources, and the statistics of what it was made
/// from. Its origin is "reshaped".
///
/// Tokens and sources: each source's tokens of a step are runs of `run` consecutive tokens, from
/// random places of the original step (of source floor(s S / S') of S, if its tokens come source by
/// source), in all layers the same: popularity, drift, co-activation, what layers and neighbours
/// share are kept. A run is a sequence of the result. If neither changes, tokens stay as they are.
///
/// Experts: expert e of E becomes those e' of E' with floor(e' E / E') = e, one of them by chance
/// for each run; if E' < E, floor(e E' / E), a token's second one there moving on to the next that
/// is free. Where one divides the other, the experts' imbalance is kept for E' > E.
class Rescaled final : public RoutingSource {
public:
    static constexpr int64_t run = 64;

    /// \throws InputError on numbers that are no routing
    Rescaled(std::unique_ptr<RoutingSource const> source, Rescaling to);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    /// Consecutive tokens that are taken from consecutive ones.
    struct Piece {
        int64_t from;  // first token in the original step
        int64_t tokens;
        uint64_t chance;  // names its run, for choices by chance
    };
    template <class Visit>
    void each_piece(StepId step, TokenRange range, Visit const& visit) const;
    std::vector<int64_t> source_offset(StepId step) const;
    void map_experts(RoutingBatch& batch, StepId step, LayerId layer, uint64_t chance) const;

    std::unique_ptr<RoutingSource const> source_;
    bool resampled_;
    CounterRng rng_;
    TraceInfo info_;
};

}  // namespace epsim
