#pragma once

#include <span>
#include <vector>

#include "device/buffer.hpp"
#include "device/stream.hpp"
#include "dispatch/dispatch_plan.hpp"
#include "exchange/hop_traffic.hpp"
#include "rows/grouped_rows.hpp"

namespace epsim {

/// Moves rows between the ranks of tokens and the ranks of experts: one object a rank. A plan goes
/// through prepare, permute, dispatch, received, results, merge, combine and unpermute, in this
/// order, on all ranks. Chunks of a step go through exchanges of their own. Backward reuses a
/// prepared plan: permute and dispatch of the output gradient, then combine and unpermute of the
/// input gradient.
class Exchange {
public:
    virtual ~Exchange() = default;

    /// How plans for prepare() must be made.
    virtual Route const& route() const = 0;

    /// Rows are permuted while they are dispatched, and summed while they are combined: permute
    /// counts as part of Phase::dispatch, unpermute as part of Phase::combine.
    virtual bool one_pass() const { return false; }

    /// Row counts and row metadata (slot, weight) travel, on every hop; the receiver indexes its
    /// rows by slot. Collective. Phase::counts.
    /// \param plan what this rank sends; must live until unpermute returns
    virtual void prepare(DispatchPlan const& plan) = 0;

    /// Rows into send order, in the wire type. Local. Phase::permute.
    /// \param tokens [plan.tokens, hidden], model type, in source order
    virtual void permute(BufferView tokens, Stream& stream) = 0;

    /// Every row to the rank that hosts its slots: the wire, and what forwards. Collective.
    /// Phase::dispatch.
    virtual void dispatch(Stream& stream) = 0;

    /// What arrived, as experts take it. Local. Phase::expert. The views stay valid until the next
    /// prepare.
    virtual GroupedRows received(Stream& stream) = 0;

    /// Where the experts' results go, combine type; as row result_index[i] of GroupedRows the
    /// result of entry i. [entries received, hidden], and more where padding returns.
    virtual BufferView results() = 0;

    /// The results of entries that share a row to one weighted sum a row (dedup). Local.
    /// Phase::expert.
    virtual void merge(Stream& stream) = 0;

    /// Every row back to the rank it came from: the wire, and what forwards. Collective.
    /// Phase::combine.
    virtual void combine(Stream& stream) = 0;

    /// Each token's returned rows, summed in the order of its choices (fp32). Local.
    /// Phase::unpermute. \param weight [plan.tokens, top_k] of the returned rows; empty = all one
    /// \param out [plan.tokens, hidden]
    virtual void unpermute(std::span<float const> weight, BufferView out, Stream& stream) = 0;

    /// How many times a row is handed on, at most.
    virtual int hops() const = 0;

    /// What this rank sent of the prepared plan, hop by hop.
    virtual std::vector<HopTraffic> traffic() const = 0;
};

}  // namespace epsim
