#include <cmath>
#include <numeric>
#include <random>

#include "compute/expert_kernel.hpp"
#include "compute/thread_scope.hpp"
#include "compute_limits.hpp"
#include "dense_product.hpp"
#include "paired.hpp"

// Experts (SwiGLU, rows gathered in random order) on one core against what limits them, all
// measured in turn in one run:
// - `of_peak`      their FLOP/s over those of multiply-adds that stay in registers
// - `of_roofline`  the time that their FLOPs or reading their weights from memory takes at least,
//                  summed over experts, over their time
// - `of_dense`     the time of one dense oneDNN product of equal FLOPs over theirs
// - `of_onednn`    the time of the oneDNN kernel, a loop over experts, over theirs
namespace {

using namespace epsim;

/// Experts' networks and rows for them.
class Experts {
public:
    Experts(DType type, int hidden, int intermediate, int experts, std::vector<int64_t> const& rows)
        : spec_{hidden, intermediate, Activation::swiglu, type, type, type},
          in_(type, hidden),
          out_(type, hidden),
          index_(static_cast<std::size_t>(std::accumulate(rows.begin(), rows.end(), int64_t{0}))),
          weight_(index_.size(), 1.0f) {
        for (int e = 0; e < experts; ++e) keys_.push_back({WeightKey::Role::routed, 0, e});
        set_rows(rows);
        std::mt19937 random(1);
        std::iota(index_.begin(), index_.end(), 0);
        std::ranges::shuffle(index_, random);
        std::normal_distribution<float> normal;
        in_.reserve(std::ssize(index_));
        out_.reserve(std::ssize(index_));
        dispatch_dtype(type, [&]<class T>(T) {
            std::generate_n(in_.rows(std::ssize(index_)).as<T>(), std::ssize(index_) * hidden,
                            [&] { return from_float<T>(normal(random)); });
        });
    }

    std::unique_ptr<ExpertKernel> kernel(char const* name, int threads = 1) const {
        auto kernel = make_expert_kernel(name, spec_, 1, {keys_}, threads);
        kernel->prepare(std::ssize(index_), std::ssize(index_));
        return kernel;
    }
    void set_rows(std::vector<int64_t> const& rows) {
        offset_.assign(1, 0);
        for (int64_t const n : rows) offset_.push_back(offset_.back() + n);
    }
    void run(ExpertKernel& kernel) {
        auto const n = std::ssize(index_);
        kernel.forward(0, {in_.rows(n), offset_, index_, index_, weight_}, out_.rows(n), stream_);
    }

    double flops(int64_t rows) const { return 2.0 * elements() * static_cast<double>(rows); }
    double flops() const { return flops(offset_.back()); }
    double weight_bytes() const { return elements() * static_cast<double>(bytes_of(spec_.dtype)); }
    double roofline_s(bench::ComputeLimits const& limits) const {
        double sum = 0;
        for (std::size_t e = 0; e < keys_.size(); ++e)
            if (int64_t const n = offset_[e + 1] - offset_[e]; n > 0)
                sum += limits.roofline_s(flops(n), weight_bytes());
        return sum;
    }

private:
    double elements() const { return 3.0 * spec_.hidden * spec_.intermediate; }

    FeedForwardSpec spec_;
    HostBuffer in_, out_;
    std::vector<int32_t> index_;
    std::vector<float> weight_;
    std::vector<WeightKey> keys_;
    std::vector<int64_t> offset_;
    HostStream stream_;
};

/// One expert, another each time, of more than twice what the last cache holds.
void one_expert(benchmark::State& state, DType type) {
    auto const hidden = static_cast<int>(state.range(0)),
               intermediate = static_cast<int>(state.range(1));
    int64_t const rows = state.range(2);
    bench::ComputeLimits limits(type);
    int64_t const bytes = 3 * int64_t{hidden} * intermediate * bytes_of(type);
    auto const experts = static_cast<std::size_t>(2 * limits.last_level_cache_bytes() / bytes + 2);
    Experts work(type, hidden, intermediate, static_cast<int>(experts), {rows});
    auto const kernel = work.kernel("auto");
    std::size_t next = 0;
    std::vector<double> times;
    for (auto _ : state) {
        std::vector<int64_t> load(experts);
        load[next++ % experts] = rows;
        work.set_rows(load);
        limits.measure();
        times.push_back(bench::seconds([&] { work.run(*kernel); }));
        state.SetIterationTime(times.back());
    }
    double const s = median(times);
    state.counters["GFLOP/s"] = work.flops() / s * 1e-9;
    state.counters["GB/s"] = work.weight_bytes() / s * 1e-9;
    state.counters["of_peak"] = work.flops() / s / limits.flop_rate();
    state.counters["of_roofline"] = work.roofline_s(limits) / s;
}

/// \param loads rows of each of the experts, of 2048 by 768
void many_experts(benchmark::State& state, DType type, std::vector<int64_t> const& loads) {
    constexpr int hidden = 2048, intermediate = 768;
    ThreadScope const one_thread(1);  // for the dense product
    bench::ComputeLimits limits(type);
    Experts work(type, hidden, intermediate, static_cast<int>(loads.size()), loads);
    auto const own = work.kernel("auto"), onednn = work.kernel("onednn");
    int64_t const rows = std::accumulate(loads.begin(), loads.end(), int64_t{0});
    bench::DenseProduct dense(type, rows, hidden, 3 * intermediate);
    work.run(*own);
    work.run(*onednn);
    dense.run();
    bench::Paired to_dense, to_onednn;
    for (auto _ : state) {
        limits.measure();
        double const s = bench::seconds([&] { work.run(*own); });
        to_dense.add(s, bench::seconds([&] { dense.run(); }));
        limits.measure();
        to_onednn.add(s, bench::seconds([&] { work.run(*onednn); }));
        state.SetIterationTime(s);
    }
    double const s = to_dense.own_median_s();
    state.counters["GFLOP/s"] = work.flops() / s * 1e-9;
    state.counters["of_peak"] = work.flops() / s / limits.flop_rate();
    state.counters["of_roofline"] = work.roofline_s(limits) / s;
    state.counters["of_dense"] = to_dense.ratio();
    state.counters["of_onednn"] = to_onednn.ratio();
}

constexpr int experts = 64;

void equal_loads(benchmark::State& state, DType type) {
    many_experts(state, type, std::vector<int64_t>(experts, state.range(0)));
}

/// So many rows, an expert's share as 1 / its rank (Zipf's law with exponent 1).
void skewed_loads(benchmark::State& state, DType type) {
    double sum = 0;
    for (int e = 1; e <= experts; ++e) sum += 1.0 / e;
    std::vector<int64_t> loads;
    for (int e = 1; e <= experts; ++e)
        loads.push_back(std::llround(static_cast<double>(state.range(0)) / e / sum));
    many_experts(state, type, loads);
}

/// One to eight rows an expert.
void decode_loads(benchmark::State& state, DType type) {
    std::mt19937 random(3);
    std::vector<int64_t> loads(experts);
    std::ranges::generate(loads, [&] { return 1 + static_cast<int64_t>(random() % 8); });
    many_experts(state, type, loads);
}

/// How much faster two threads are than one, with weights of their own each.
void two_threads(benchmark::State& state, std::vector<int64_t> const& loads) {
    Experts work(DType::bf16, 2048, 768, static_cast<int>(loads.size()), loads);
    auto const one = work.kernel("auto", 1), two = work.kernel("auto", 2);
    bench::Paired times;
    for (auto _ : state) {
        double const s = bench::seconds([&] { work.run(*two); });
        times.add(s, bench::seconds([&] { work.run(*one); }));
        state.SetIterationTime(s);
    }
    state.counters["of_one_thread"] = times.ratio();
}

void shapes(benchmark::internal::Benchmark* bench) {
    for (auto const& [hidden, intermediate] : {std::pair{2048, 768}, {4096, 1536}, {2880, 2880}})
        for (int64_t const rows : {1, 4, 16, 64, 256, 1024})
            bench->Args({hidden, intermediate, rows});
    bench->ArgNames({"hidden", "intermediate", "rows"});
}

#define EPSIM_EXPERT_BENCH(function, type) \
    BENCHMARK_CAPTURE(function, type, DType::type)->UseManualTime()->Unit(benchmark::kMillisecond)

EPSIM_EXPERT_BENCH(one_expert, bf16)->Apply(shapes);
EPSIM_EXPERT_BENCH(one_expert, f32)->Apply(shapes);
EPSIM_EXPERT_BENCH(equal_loads, bf16)->Arg(64)->Arg(128)->Arg(256);
EPSIM_EXPERT_BENCH(equal_loads, f32)->Arg(64);
EPSIM_EXPERT_BENCH(skewed_loads, bf16)->Arg(256)->Arg(1024);
EPSIM_EXPERT_BENCH(skewed_loads, f32)->Arg(256)->Arg(1024);
EPSIM_EXPERT_BENCH(decode_loads, bf16);
EPSIM_EXPERT_BENCH(decode_loads, f32);
BENCHMARK_CAPTURE(two_threads, one_row, {1})->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(two_threads, one_expert, {512})->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(two_threads, skewed, {600, 5, 1, 1, 0, 17, 90})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
