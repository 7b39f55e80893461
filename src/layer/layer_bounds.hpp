#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "layer/layer_spec.hpp"
#include "schedule/machine_limits.hpp"

namespace epsim {

/// The work of one layer of one step, over all R ranks on N nodes.
struct LayerWork {
    std::vector<Array<int64_t, 2>> rows, padding;    ///< of each hop: [source, target] rows
    std::vector<Array<int64_t, 2>> counts, entries;  ///< of each hop: [source, target] bytes
    LeastTraffic distinct;                           ///< in rows
    std::vector<int64_t> tokens;                     ///< [R]
    std::vector<int64_t> read_tokens;                ///< [R] tokens with any row
    std::vector<int64_t> active_slots;               ///< [R] slots that got rows
    std::vector<int64_t> assignments;                ///< [R] received
};

/// T_lb and T_lb* of each phase that has a bound.
struct LayerBounds {
    std::array<LowerBound, phase_count> bound;
    std::array<double, phase_count> least{};  ///< s; NaN where there is no bound
};

/// Bounds of one layer:
/// - counts: the exchange of the metadata, hop by hop;
/// - permute: every token with rows read, every row of the first hop written; of what everybody
///   gets, every token once;
/// - dispatch, combine: the exchange of the rows and of padding, hop by hop;
/// - expert: FLOPs; weights of the slots that got rows (and of shared and dense networks, where
///   there are tokens), rows of the last hop and tokens read, results written;
/// - unpermute: every row of the first hop read, every token written.
/// layout has none. T_lb* differs from T_lb in dispatch and combine.
LayerBounds layer_bounds(MachineLimits const& limits, LayerSpec const& spec,
                         std::string_view algorithm, LayerWork const& work);

}  // namespace epsim
