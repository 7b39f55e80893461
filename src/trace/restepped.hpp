#pragma once

#include <memory>

#include "trace/options.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// The same tokens in the same order, cut into other steps; and only the first of them.
class Restepped final : public RoutingSource {
public:
    /// \param per_step tokens of a step, over all ranks, the last step keeping what is left;
    ///                 0 = steps as they are
    /// \param steps how many to keep, from the first; 0 = all
    /// \throws InputError on negative numbers, and on more steps than there are
    Restepped(std::unique_ptr<RoutingSource const> source, int64_t per_step, int64_t steps);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    /// Call piece(step, range) for the source's pieces that make up a range, in order.
    template <class Piece>
    void for_pieces(StepId step, TokenRange range, Piece const& piece) const;

    std::unique_ptr<RoutingSource const> source_;
    TraceInfo info_;
};

/// `source` with [tokens] per_step and steps applied; itself if they ask for nothing.
std::unique_ptr<RoutingSource const> restep(std::unique_ptr<RoutingSource const> source,
                                            TokenOptions const& options);

}  // namespace epsim
