#pragma once

#include <span>
#include <vector>

#include "placement/layer_problem.hpp"

namespace epsim {

/// Which of n experts each of `slots` replicas is of: each once, then one after the other the one
/// of the largest load / count, the lowest of equals. \param most replicas of one expert
/// \throws InputError unless n <= slots <= n most
std::vector<int> make_replicas(std::span<double const> load, int slots, int most);

/// [R] slots for each expert's first replica: spread over ranks as evenly as slots let.
std::vector<int> even_shares(LayerProblem const& problem);

/// Items into bins: heaviest first, each into the lightest bin that is not full, the lowest of
/// equals; where every bin takes one item, each in its own. \param kind [items] items of one kind
/// avoid each other unless twins are allowed
/// \return [bins] items of each, in the order they came. \throws InputError where kinds cannot be
/// kept apart
std::vector<std::vector<int>> balanced_packing(std::span<double const> load,
                                               std::span<int const> kind,
                                               std::span<int const> capacity, Twins twins);

}  // namespace epsim
