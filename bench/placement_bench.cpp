#include <benchmark/benchmark.h>

#include <cmath>
#include <random>

#include "placement/figures.hpp"
#include "placement/strategy.hpp"

namespace epsim {
namespace {

/// Loads as skewed as DeepSeek-V3's: max / mean over experts about 7.
PlacementProblem problem(int layers, int experts, int ranks, int slots) {
    std::mt19937 random(1);
    std::lognormal_distribution<double> popularity(0, 0.8);
    PlacementProblem problem{Array<double, 2>({layers, experts}), even_slots(ranks, slots),
                             ClusterTopology::blocks(ranks, 8)};
    problem.groups = 8;
    for (double& load : problem.load.flat()) load = std::floor(1000 * popularity(random));
    return problem;
}

void plan(benchmark::State& state, Strategy strategy, int layers, int experts, int ranks,
          int slots) {
    auto const all = problem(layers, experts, ranks, slots);
    for (auto _ : state) benchmark::DoNotOptimize(make_placement(strategy, all));
    auto const placement = make_placement(strategy, all);
    std::vector<LayerLoads> loads;
    for (int l = 0; l < layers; ++l)
        loads.push_back(layer_loads(placement, LayerId{l}, even_sources(all.layer(l).load, ranks),
                                    all.topology, ReplicaChoice::round_robin));
    state.counters["balancedness"] = figures_of(loads).balancedness();
}

void add(int layers, int experts, int ranks, int slots) {
    for (auto const name : enum_names<Strategy>) {
        // METIS and the solver have no limit of time; pairs are not known here.
        if (name == "coactivation" || name == "optimal") continue;
        benchmark::RegisterBenchmark(
            fmt::format("{}/{}x{}x{}/{}", name, layers, experts, ranks, slots).c_str(), plan,
            enum_from<Strategy>(name), layers, experts, ranks, slots)
            ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace
}  // namespace epsim

int main(int argc, char** argv) {
    for (int const slots : {256, 320, 544}) epsim::add(58, 256, 64, slots);
    epsim::add(1, 1024, 1024, 2048);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
