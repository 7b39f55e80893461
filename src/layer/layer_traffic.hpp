#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "dispatch/dispatch_plan.hpp"
#include "exchange/hop_traffic.hpp"
#include "measure/array.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// What all ranks sent in one layer of one step: [source, destination] each.
struct LayerTraffic {
    Array<int64_t, 2> selected;  ///< assignments
    Array<int64_t, 2> payload;   ///< rows of tokens' own ranks; one that serves several ranks of a
                                 ///< node counts as its first one's
    /// Of each hop, from who sends to who gets it then.
    std::vector<Array<int64_t, 2>> rows, padding;    ///< rows
    std::vector<Array<int64_t, 2>> counts, entries;  ///< bytes
};

/// Counts one rank's part of every layer of a step.
class TrafficCount {
public:
    TrafficCount(int64_t layers, int ranks, int hops);

    /// Forget the step before.
    void begin_step() { std::ranges::fill(counts_.flat(), 0); }
    /// Add a layer's part. \param plan of the first hop   \param sent of every hop
    void count(int64_t layer, DispatchPlan const& plan, Placement const& placement,
               std::vector<HopTraffic> const& sent);
    /// All that was counted, to be gathered: the same number of values on every rank.
    std::span<int64_t const> values() const { return counts_.flat(); }
    /// \param gathered values() of each rank, one after the other
    LayerTraffic layer(int64_t layer, std::span<int64_t const> gathered) const;

private:
    int64_t ranks_, hops_;
    Array<int64_t, 3> counts_;  // [L, 2 + 4 hops, R]: selected, payload, then of each hop rows,
                                // padding, counts, entries
};

}  // namespace epsim
