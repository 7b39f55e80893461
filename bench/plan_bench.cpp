#include <cstring>
#include <numeric>
#include <random>

#include "dispatch/dispatch_plan.hpp"
#include "paired.hpp"

// Building a dispatch plan, against memcpy of the bytes that it reads and writes:
// `ns_per_assignment` and `ratio_to_memcpy` (memcpy's time over the plan's).
namespace {

using namespace epsim;

SlotRouting uniform_routing(int64_t tokens, int experts, int top_k) {
    std::mt19937 random(1);
    SlotRouting routing;
    routing.top_k = top_k;
    std::vector<int> ids(static_cast<std::size_t>(experts));
    std::iota(ids.begin(), ids.end(), 0);
    for (int64_t t = 0; t < tokens; ++t)
        for (int c = 0; c < top_k; ++c) {
            auto const i = static_cast<std::size_t>(c);
            std::swap(ids[i],
                      ids[std::uniform_int_distribution<std::size_t>(i, ids.size() - 1)(random)]);
            routing.slot.push_back(SlotId{ids[i]});
            routing.weight.push_back(0.1f);
        }
    return routing;
}

void plan(benchmark::State& state) {
    constexpr int experts = 128, top_k = 8, ranks = 8;
    auto const routing = uniform_routing(state.range(0), experts, top_k);
    auto const placement = linear_placement(1, experts, ranks);
    DispatchPlanner planner;
    auto const route = flat_routes(placement, Dedup::none)[0];
    auto const& made = planner.plan(routing, route);
    // Read: slot and weight. Written: token, entry offset, slot, weight and assignment's row.
    auto const assignments = static_cast<std::size_t>(made.entries());
    std::size_t const moved = assignments * (2 * 4 + 4 + 8 + 4 + 4 + 4);
    std::vector<std::byte> from(moved / 2, std::byte{1}), to(moved / 2);
    bench::Paired times;
    for (auto _ : state) {
        double const own = bench::seconds([&] { planner.plan(routing, route); });
        times.add(own, bench::seconds([&] { std::memcpy(to.data(), from.data(), to.size()); }));
        state.SetIterationTime(own);
    }
    state.counters["ns_per_assignment"] =
        times.own_median_s() * 1e9 / static_cast<double>(assignments);
    state.counters["ratio_to_memcpy"] = times.ratio();
}

BENCHMARK(plan)
    ->RangeMultiplier(8)
    ->Range(128, 65536)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
