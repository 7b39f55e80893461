#include "measure/load.hpp"

#include <algorithm>

namespace epsim {

Array<int64_t, 2> sum_over_steps(Array<int64_t, 3> const& loads) {
    Array<int64_t, 2> sum({loads.extent(1), loads.extent(2)});
    for (int64_t s = 0; s < loads.extent(0); ++s)
        for (int64_t l = 0; l < loads.extent(1); ++l)
            for (int64_t i = 0; i < loads.extent(2); ++i) sum(l, i) += loads(s, l, i);
    return sum;
}

int64_t node_count(std::vector<RankPlace> const& topology) {
    int64_t nodes = 0;
    for (auto const& place : topology) nodes = std::max<int64_t>(nodes, place.node + 1);
    return nodes;
}

Array<int64_t, 3> node_loads(Array<int64_t, 3> const& rank_loads,
                             std::vector<RankPlace> const& topology) {
    Array<int64_t, 3> sum({rank_loads.extent(0), rank_loads.extent(1), node_count(topology)});
    for (int64_t s = 0; s < rank_loads.extent(0); ++s)
        for (int64_t l = 0; l < rank_loads.extent(1); ++l)
            for (int64_t r = 0; r < rank_loads.extent(2); ++r)
                sum(s, l, topology[static_cast<std::size_t>(r)].node) += rank_loads(s, l, r);
    return sum;
}

std::span<int64_t const> loads_of(Array<int64_t, 2> const& loads, int64_t layer) {
    auto const n = static_cast<std::size_t>(loads.extent(1));
    return loads.flat().subspan(static_cast<std::size_t>(layer) * n, n);
}

std::span<int64_t const> loads_of(Array<int64_t, 3> const& loads, int64_t step, int64_t layer) {
    auto const n = static_cast<std::size_t>(loads.extent(2));
    return loads.flat().subspan(static_cast<std::size_t>(step * loads.extent(1) + layer) * n, n);
}

}  // namespace epsim
