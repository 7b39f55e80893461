#pragma once

#include <memory>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Traces one after the other: the steps of the first, then those of the second, .. It has the
/// columns, sequences and gate weights that all have; the largest number of sources; of texts that
/// differ none, and of origins that differ "reshaped".
class Merged final : public RoutingSource {
public:
    /// \throws InputError unless there is one, and all have the same experts, top-k and layers
    explicit Merged(std::vector<std::unique_ptr<RoutingSource const>> parts);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    struct Place {
        RoutingSource const* part;
        StepId step;
    };
    void append(RoutingSource const& part);
    Place place(StepId step) const;

    std::vector<std::unique_ptr<RoutingSource const>> parts_;
    std::vector<int64_t> first_step_;  // [parts + 1]
    TraceInfo info_;
};

}  // namespace epsim
