#pragma once

#include <span>

#include "device/buffer.hpp"
#include "device/stream.hpp"
#include "dispatch/dispatch_plan.hpp"
#include "rows/grouped_rows.hpp"

namespace epsim {

/// Moves rows between the ranks of tokens and the ranks of experts: one object a rank. A plan goes
/// through prepare, permute, dispatch, combine and unpermute, in this order, on all ranks; each is
/// one phase. Chunks of a step are plans of their own. Backward reuses a prepared plan: permute and
/// dispatch of the output gradient, then combine and unpermute of the input gradient.
class Exchange {
public:
    virtual ~Exchange() = default;

    /// Row counts and row metadata (slot, weight) travel; the receiver indexes its rows by slot.
    /// Collective. Phase::counts.
    /// \param plan what this rank sends; must live until unpermute returns
    virtual void prepare(DispatchPlan const& plan) = 0;

    /// Rows into send order. Local. Phase::permute.
    /// \param tokens [plan.tokens, hidden], wire type, in source order
    /// \param scale  [plan.rows()] factor of each row before it leaves; empty = none
    virtual void permute(BufferView tokens, std::span<float const> scale, Stream& stream) = 0;

    /// Every row to the rank that hosts its slots: the wire only. Collective. Phase::dispatch.
    /// The views returned stay valid until the next prepare.
    virtual GroupedRows dispatch(Stream& stream) = 0;

    /// Every row back to the rank it came from: the wire only. Collective. Phase::combine.
    /// \param expert_out [received rows, hidden], combine type, rows as they arrived
    virtual void combine(BufferView expert_out, Stream& stream) = 0;

    /// Each token's returned rows, summed over its choices in order (fp32). Local.
    /// Phase::unpermute. \param weight [plan.tokens, top_k]; empty = all one \param out
    /// [plan.tokens, hidden]
    virtual void unpermute(std::span<float const> weight, BufferView out, Stream& stream) = 0;
};

}  // namespace epsim
