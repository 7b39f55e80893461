#pragma once

#include "placement/layer_problem.hpp"

namespace epsim {

/// Experts that tokens choose together on one node, and there on one rank: a token then reaches few
/// of them. Partitions the graph of pairs first into nodes, then into ranks; slots left go to
/// replicas of what is hottest. \throws InputError if pairs are unknown
Slots coactive_slots(LayerProblem const& problem);

/// Parts of given sizes of a graph, so that little weight of edges is between them and parts have
/// shares of the vertices' weight like their sizes. By METIS (Karypis and Kumar 1998), then
/// vertices are moved out of parts that it made too large.
/// \param edge [n, n] symmetric, not negative   \param weight [n]
/// \param capacity of each part, n or more in all   \return [n] part of each vertex
std::vector<int> partition_graph(Array<int64_t, 2> const& edge, std::span<double const> weight,
                                 std::span<int const> capacity);

}  // namespace epsim
