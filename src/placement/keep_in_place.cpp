#include "placement/keep_in_place.hpp"

#include <algorithm>
#include <tuple>

namespace epsim {
namespace {

/// Experts of two shards that are the same, replicas counted.
int in_common(std::span<ExpertId const> a, std::span<ExpertId const> b) {
    Slots x(a.begin(), a.end()), y(b.begin(), b.end()), both;
    std::ranges::sort(x);
    std::ranges::sort(y);
    std::ranges::set_intersection(x, y, std::back_inserter(both));
    return static_cast<int>(both.size() -
                            static_cast<std::size_t>(std::ranges::count(both, no_expert)));
}

/// [R] whose shard of the target each rank takes.
std::vector<int> swapped_ranks(Placement const& current, Placement const& target, LayerId layer,
                               ClusterTopology const& topology) {
    struct Pair {
        int common, here, there;
    };
    std::vector<Pair> pairs;
    for (int here = 0; here < current.ranks(); ++here)
        for (int there = 0; there < current.ranks(); ++there) {
            auto const mine = current.experts_of(layer, RankId{here});
            auto const theirs = target.experts_of(layer, RankId{there});
            if (topology.node_of(RankId{here}) == topology.node_of(RankId{there}) &&
                mine.size() == theirs.size())
                pairs.push_back({in_common(mine, theirs), here, there});
        }
    // Where nothing is gained a rank keeps its own.
    std::ranges::stable_sort(pairs, [](Pair const& a, Pair const& b) {
        return std::tuple(-a.common, a.here != a.there) < std::tuple(-b.common, b.here != b.there);
    });
    auto const ranks = static_cast<std::size_t>(current.ranks());
    std::vector<int> takes(ranks, -1);
    std::vector<bool> taken(ranks);
    for (auto const& [common, here, there] : pairs) {
        if (takes[static_cast<std::size_t>(here)] >= 0 || taken[static_cast<std::size_t>(there)])
            continue;
        takes[static_cast<std::size_t>(here)] = there;
        taken[static_cast<std::size_t>(there)] = true;
    }
    return takes;
}

/// `shard` in an order that keeps what `current` has too in its slots. Appended to `out`.
void append_in_order(std::span<ExpertId const> current, std::span<ExpertId const> shard,
                     Slots& out) {
    Slots rest(shard.begin(), shard.end());
    auto const first = out.size();
    std::vector<std::size_t> open;
    for (ExpertId const e : current) {
        auto const found = std::ranges::find(rest, e);
        if (found == rest.end()) {
            open.push_back(out.size());
            out.push_back(no_expert);
        } else {
            out.push_back(e);
            rest.erase(found);
        }
    }
    check(open.size() == rest.size() && out.size() - first == shard.size(),
          "shards of a rank have the same slots");
    for (std::size_t i = 0; i < open.size(); ++i) out[open[i]] = rest[i];
}

}  // namespace

Slots keep_in_place(Placement const& current, Placement const& target, LayerId layer,
                    ClusterTopology const& topology, bool may_swap_ranks) {
    std::vector<int> takes;
    if (may_swap_ranks) {
        takes = swapped_ranks(current, target, layer, topology);
    } else {
        for (int r = 0; r < current.ranks(); ++r) takes.push_back(r);
    }
    Slots slots;
    for (int r = 0; r < current.ranks(); ++r)
        append_in_order(current.experts_of(layer, RankId{r}),
                        target.experts_of(layer, RankId{takes[static_cast<std::size_t>(r)]}),
                        slots);
    return slots;
}

}  // namespace epsim
