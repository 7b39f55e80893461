#pragma once

#include <memory>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Consecutive tokens of a trace, and some of its layers. Steps and sequences are cut where the
/// tokens are; what is left of none vanishes.
class Sliced final : public RoutingSource {
public:
    /// \param tokens [begin, end), counted from the start of the trace
    /// \param layers positions in source->info().layer, ascending
    /// \throws InputError if there are no such tokens
    Sliced(std::unique_ptr<RoutingSource const> source, TokenRange tokens,
           std::vector<LayerId> layers);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    struct Place {
        StepId step;
        int64_t first;  // token of that step
    };

    std::unique_ptr<RoutingSource const> source_;
    std::vector<LayerId> layers_;
    std::vector<Place> place_;  // [steps] where each begins in the source
    TraceInfo info_;
};

}  // namespace epsim
