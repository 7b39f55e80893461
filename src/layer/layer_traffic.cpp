#include "layer/layer_traffic.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace epsim {

TrafficCount::TrafficCount(int64_t layers, int ranks, int hops)
    : ranks_(ranks), hops_(hops), counts_({layers, 2 + 4 * int64_t{hops}, ranks}) {}

void TrafficCount::count(int64_t layer, DispatchPlan const& plan, Placement const& placement,
                         std::vector<HopTraffic> const& sent) {
    check(std::ssize(sent) == hops_, "an exchange tells of every hop");
    auto const rank_of = [&](std::size_t entry) {
        return index(placement.rank_of(SlotId{plan.slot[entry]}));
    };
    for (std::size_t row = 0; row < plan.row_token.size(); ++row) {
        auto const first = static_cast<std::size_t>(plan.entry_offset[row]);
        auto const last = static_cast<std::size_t>(plan.entry_offset[row + 1]);
        for (auto entry = first; entry < last; ++entry) ++counts_(layer, 0, rank_of(entry));
        if (first < last) ++counts_(layer, 1, rank_of(first));
    }
    for (int64_t hop = 0; hop < hops_; ++hop) {
        auto const& of = sent[static_cast<std::size_t>(hop)];
        int64_t part = 2 + 4 * hop;
        for (auto const* counts : {&of.rows, &of.padding, &of.counts, &of.entries}) {
            for (int64_t r = 0; r < ranks_; ++r)
                counts_(layer, part, r) += (*counts)[static_cast<std::size_t>(r)];
            ++part;
        }
    }
}

LayerTraffic TrafficCount::layer(int64_t layer, std::span<int64_t const> gathered) const {
    int64_t const layers = counts_.extent(0), parts = counts_.extent(1);
    auto const matrix = [&](int64_t part) {
        Array<int64_t, 2> values({ranks_, ranks_});
        for (int64_t from = 0; from < ranks_; ++from)
            for (int64_t to = 0; to < ranks_; ++to)
                values(from, to) = gathered[static_cast<std::size_t>(
                    ((from * layers + layer) * parts + part) * ranks_ + to)];
        return values;
    };
    LayerTraffic traffic{matrix(0), matrix(1), {}, {}, {}, {}};
    for (int64_t hop = 0; hop < hops_; ++hop) {
        traffic.rows.push_back(matrix(2 + 4 * hop));
        traffic.padding.push_back(matrix(3 + 4 * hop));
        traffic.counts.push_back(matrix(4 + 4 * hop));
        traffic.entries.push_back(matrix(5 + 4 * hop));
    }
    return traffic;
}

}  // namespace epsim
