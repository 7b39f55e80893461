#include "schedule/exchange_candidates.hpp"

#include <algorithm>

#include "schedule/exchange_routes.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

template <class Suits>
std::vector<std::string> algorithms_that(Suits&& suit) {
    std::vector<std::string> names;
    std::ranges::copy_if(exchange_algorithms(), std::back_inserter(names), suit);
    return names;
}

}  // namespace

std::vector<std::string> exchange_candidates(ClusterTopology const& topology, Dedup dedup) {
    return algorithms_that([&](std::string const& algorithm) {
        if (forwards(algorithm)) return topology.nodes() > 1 || dedup == Dedup::node;
        if (algorithm == "padded") return false;  // its rows depend on a capacity
        if (algorithm == "allgather") return dedup == Dedup::rank;
        return dedup != Dedup::node;
    });
}

std::vector<std::string> transport_candidates() {
    return algorithms_that([](std::string const& algorithm) { return !takes_plans(algorithm); });
}

std::vector<Array<int64_t, 2>> hop_rows(std::string_view algorithm, Array<int64_t, 2> const& rows,
                                        ClusterTopology const& topology) {
    if (!forwards(algorithm)) return {rows};
    int const ranks = topology.ranks();
    auto const placement = linear_placement(1, ranks, ranks);  // an expert a rank: keys are ranks
    std::vector<Routes> routes;
    for (int32_t r = 0; r < ranks; ++r)
        routes.push_back(exchange_routes(algorithm, placement, topology, Dedup::none, RankId{r}));
    std::vector<Array<int64_t, 2>> hops;
    auto at = rows;  // [where they are, where they end]
    for (std::size_t h = 0; h < routes.front().size(); ++h) {
        auto& sent = hops.emplace_back(Array<int64_t, 2>({ranks, ranks}));
        Array<int64_t, 2> next({ranks, ranks});
        for (int32_t r = 0; r < ranks; ++r) {
            auto const& route = routes[static_cast<std::size_t>(r)][h];
            for (int32_t end = 0; end < ranks; ++end) {
                auto const first_above = std::ranges::upper_bound(
                    route.target_offset, route.key_of_slot[static_cast<std::size_t>(end)]);
                auto const target = first_above - route.target_offset.begin() - 1;
                sent(r, target) += at(r, end);
                next(target, end) += at(r, end);
            }
        }
        at = std::move(next);
    }
    return hops;
}

}  // namespace epsim
