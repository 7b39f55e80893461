#pragma once

#include <span>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// [L, n] from [S, L, n].
Array<int64_t, 2> sum_over_steps(Array<int64_t, 3> const& loads);

/// [S, L, nodes] from [S, L, R]: what the ranks of each node received.
Array<int64_t, 3> node_loads(Array<int64_t, 3> const& rank_loads,
                             std::vector<RankPlace> const& topology);

/// Nodes of a topology: 1 + the largest node number, 0 for no rank.
int64_t node_count(std::vector<RankPlace> const& topology);

/// The loads of one layer, or of one step and layer.
std::span<int64_t const> loads_of(Array<int64_t, 2> const& loads, int64_t layer);
std::span<int64_t const> loads_of(Array<int64_t, 3> const& loads, int64_t step, int64_t layer);

}  // namespace epsim
