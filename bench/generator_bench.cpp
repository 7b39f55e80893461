#include <benchmark/benchmark.h>

#include "trace/generator.hpp"

// Synthetic routing, E = 128, k = 8, gate weights included, one thread: `s_per_assignment` and
// `tokens_per_s` of reading 8 Ki tokens at a time.
namespace {

using namespace epsim;

void generate(benchmark::State& state, RoutingOptions const& routing) {
    constexpr int experts = 128, top_k = 8;
    constexpr int64_t tokens = 8 * 1024;
    auto const source =
        make_generator(routing, {.per_step = tokens, .steps = 1}, experts, top_k, 1);
    for (auto _ : state)
        benchmark::DoNotOptimize(source->read(StepId{0}, LayerId{0}, {0, tokens}).expert.data());
    using benchmark::Counter;
    auto const made = static_cast<double>(state.iterations() * tokens);
    state.counters["tokens_per_s"] = Counter(made, Counter::kIsRate);
    state.counters["s_per_assignment"] = Counter(made * top_k, Counter::kIsRate | Counter::kInvert);
}

BENCHMARK_CAPTURE(generate, uniform, {.generator = "uniform"});
BENCHMARK_CAPTURE(generate, balanced, {.generator = "balanced"});
BENCHMARK_CAPTURE(generate, zipf, {.generator = "zipf"});
BENCHMARK_CAPTURE(generate, zipf_affinity, {.generator = "zipf", .affinity = 0.5});
BENCHMARK_CAPTURE(generate, zipf_reuse, {.generator = "zipf", .reuse = 0.5});
BENCHMARK_CAPTURE(generate, zipf_groups, {.generator = "zipf", .groups = 8, .groups_kept = 4});

}  // namespace

BENCHMARK_MAIN();
