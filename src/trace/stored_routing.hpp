#pragma once

#include <map>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Routing held in memory: what readers of recordings make that are small or text.
class StoredRouting final : public RoutingSource {
public:
    /// \param layers [L] batches of all tokens. \param columns [T] each; info.columns is set by them
    /// \throws InputError on ids or weights that check_batch refuses
    StoredRouting(TraceInfo info, std::vector<RoutingBatch> layers,
                  std::map<TokenColumn, std::vector<int32_t>> columns = {});

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    int64_t first_of(StepId step) const;

    TraceInfo info_;
    std::vector<RoutingBatch> layers_;
    std::map<TokenColumn, std::vector<int32_t>> columns_;
};

}  // namespace epsim
