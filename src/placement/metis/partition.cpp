#include <metis.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/cast.hpp"
#include "core/error.hpp"
#include "placement/coactive.hpp"

namespace epsim {
namespace {

/// Weights as METIS takes them: the largest a million, so that sums stay small.
template <class T>
idx_t scaled(T value, T largest) {
    if (value <= 0) return 0;
    return std::max<idx_t>(1, static_cast<idx_t>(std::lround(1e6 * static_cast<double>(value) /
                                                             static_cast<double>(largest))));
}

/// METIS's own answer, which keeps to the sizes as far as it can.
std::vector<int> metis_parts(Array<int64_t, 2> const& edge, std::span<double const> weight,
                             std::span<int const> capacity) {
    int64_t const n = edge.extent(0);
    std::vector<idx_t> first{0}, neighbour, strength, demand;
    int64_t const strongest = std::max<int64_t>(1, std::ranges::max(edge.flat()));
    double const heaviest = std::ranges::max(weight);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j)
            if (i != j && edge(i, j) > 0) {
                neighbour.push_back(narrow<idx_t>(j));
                strength.push_back(scaled(edge(i, j), strongest));
            }
        first.push_back(narrow<idx_t>(neighbour.size()));
        demand.push_back(1);
        demand.push_back(scaled(weight[static_cast<std::size_t>(i)], heaviest));
    }
    std::vector<idx_t> part(static_cast<std::size_t>(n));
    if (neighbour.empty()) return {part.begin(), part.end()};
    idx_t vertices = narrow<idx_t>(n), constraints = 2, cut = 0;
    idx_t parts = narrow<idx_t>(capacity.size());
    auto const room = static_cast<real_t>(std::accumulate(capacity.begin(), capacity.end(), 0));
    std::vector<real_t> target;
    for (int const c : capacity) target.insert(target.end(), 2, static_cast<real_t>(c) / room);
    std::vector<idx_t> options(METIS_NOPTIONS);
    METIS_SetDefaultOptions(options.data());
    options[METIS_OPTION_SEED] = 1;
    int const code = METIS_PartGraphRecursive(
        &vertices, &constraints, first.data(), neighbour.data(), demand.data(), nullptr,
        strength.data(), &parts, target.data(), nullptr, options.data(), &cut, part.data());
    check(code == METIS_OK, "METIS partitions a graph");
    return {part.begin(), part.end()};
}

/// Move vertices out of parts that are too large, those first that lose least.
void keep_capacities(Array<int64_t, 2> const& edge, std::span<int const> capacity,
                     std::vector<int>& part) {
    std::vector<int> size(capacity.size());
    for (int const p : part) ++size[static_cast<std::size_t>(p)];
    auto const pull = [&](std::size_t vertex) {
        std::vector<int64_t> of(capacity.size());
        for (std::size_t u = 0; u < part.size(); ++u)
            if (u != vertex)
                of[static_cast<std::size_t>(part[u])] +=
                    edge(static_cast<int64_t>(vertex), static_cast<int64_t>(u));
        return of;
    };
    for (std::size_t p = 0; p < capacity.size(); ++p)
        while (size[p] > capacity[p]) {
            std::size_t best = part.size(), to = p;
            int64_t least = 0;
            for (std::size_t v = 0; v < part.size(); ++v) {
                if (part[v] != static_cast<int>(p)) continue;
                auto const of = pull(v);
                for (std::size_t q = 0; q < capacity.size(); ++q)
                    if (size[q] < capacity[q] && (best == part.size() || of[p] - of[q] < least)) {
                        least = of[p] - of[q];
                        best = v;
                        to = q;
                    }
            }
            check(best < part.size(), "parts have room for all vertices");
            part[best] = static_cast<int>(to);
            --size[p];
            ++size[to];
        }
}

}  // namespace

std::vector<int> partition_graph(Array<int64_t, 2> const& edge, std::span<double const> weight,
                                 std::span<int const> capacity) {
    std::vector<int> part(weight.size());
    if (weight.empty()) return part;
    // METIS knows no part of size 0.
    std::vector<int> size, number;
    for (std::size_t p = 0; p < capacity.size(); ++p)
        if (capacity[p] > 0) {
            size.push_back(capacity[p]);
            number.push_back(static_cast<int>(p));
        }
    check(!size.empty(), "parts have room for all vertices");
    if (size.size() > 1) part = metis_parts(edge, weight, size);
    for (int& p : part) p = number[static_cast<std::size_t>(p)];
    keep_capacities(edge, capacity, part);
    return part;
}

}  // namespace epsim
