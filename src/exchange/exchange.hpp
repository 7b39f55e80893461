#pragma once

#include <cstdint>
#include <span>

#include "device/buffer.hpp"
#include "device/stream.hpp"
#include "dispatch/dispatch_plan.hpp"
#include "measure/phase_recorder.hpp"
#include "rows/grouped_rows.hpp"

namespace epsim {

/// Moves rows between the ranks of tokens and the ranks of experts. One object a rank; every call
/// is collective and in the same order on all ranks. A plan's lifetime is prepare, dispatch,
/// combine; the views returned stay valid until the next prepare. Backward reuses the plan:
/// dispatch of the output gradient, then combine of the input gradient.
class Exchange {
public:
    virtual ~Exchange() = default;

    /// Row counts and row metadata (slot, weight) travel. Charged to Phase::counts.
    /// \param plan what this rank sends; must live until combine returns
    virtual void prepare(DispatchPlan const& plan, PhaseRecorder& recorder) = 0;

    /// Every row to the rank that hosts its slots. Charged to Phase::permute (into send order) and
    /// Phase::dispatch (the wire).
    /// \param tokens [plan.tokens, dispatch width], wire type, in source order
    /// \param scale  [plan.rows()] factor of each row before it leaves; empty = none
    virtual GroupedRows dispatch(BufferView tokens, std::span<float const> scale,
                                 PhaseRecorder& recorder, Stream& stream) = 0;

    /// Every row back to its token. Charged to Phase::combine (the wire) and Phase::unpermute
    /// (the sum over choices in order, fp32).
    /// \param expert_out [received rows, hidden], combine type, rows as they arrived
    /// \param weight     [plan.tokens, top_k] at the sum; empty = all one
    /// \param out        [plan.tokens, hidden]
    virtual void combine(BufferView expert_out, std::span<float const> weight, BufferView out,
                         PhaseRecorder& recorder, Stream& stream) = 0;
};

}  // namespace epsim
