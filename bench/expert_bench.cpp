#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "compute/expert_kernel.hpp"
#include "compute/thread_scope.hpp"
#include "paired.hpp"

// The experts of one rank (oneDNN kernel, bf16, one thread, interleaved rows as they arrive from
// several ranks) against one dense oneDNN product of equal FLOPs, [rows, h] x [h, 3 i]:
// `ratio_to_dense` (the dense product's time over the experts'), and both in GFLOP/s. The experts'
// weights are 138 MB: each call streams them from memory.
namespace {

using namespace epsim;

constexpr int hidden = 2048, intermediate = 1408, experts = 8;

/// One dense product, weights reordered once.
class DenseProduct {
public:
    explicit DenseProduct(int64_t rows)
        : engine_(dnnl::engine::kind::cpu, 0),
          stream_(engine_),
          product_(describe(rows)),
          x_(product_.src_desc(), engine_),
          w_(product_.weights_desc(), engine_),
          y_(product_.dst_desc(), engine_),
          call_(product_) {
        fill(x_);
        fill(w_);
    }
    void run() {
        call_.execute(stream_, {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_DST, y_}});
        stream_.wait();
    }

private:
    dnnl::matmul::primitive_desc describe(int64_t rows) const {
        using Type = dnnl::memory::data_type;
        using Tag = dnnl::memory::format_tag;
        dnnl::memory::desc const x({rows, hidden}, Type::bf16, Tag::ab);
        dnnl::memory::desc const w({hidden, 3 * intermediate}, Type::bf16, Tag::any);
        dnnl::memory::desc const y({rows, 3 * intermediate}, Type::bf16, Tag::ab);
        return {{x, w, y}, engine_};
    }
    static void fill(dnnl::memory& memory) {
        std::mt19937 random(2);
        std::normal_distribution<float> normal;
        auto* const values = static_cast<bf16*>(memory.get_data_handle());
        for (std::size_t i = 0; i < memory.get_desc().get_size() / sizeof(bf16); ++i)
            values[i] = to_bf16(normal(random));
    }

    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::matmul::primitive_desc product_;
    dnnl::memory x_, w_, y_;
    dnnl::matmul call_;
};

/// Rows of each expert: equal, or as 1 / rank of the expert (Zipf).
std::vector<int64_t> loads(int64_t rows_an_expert, double exponent) {
    std::vector<double> share(experts);
    for (int e = 0; e < experts; ++e)
        share[static_cast<std::size_t>(e)] = std::pow(e + 1.0, -exponent);
    double const sum = std::accumulate(share.begin(), share.end(), 0.0);
    std::vector<int64_t> rows;
    for (double const s : share)
        rows.push_back(std::llround(s / sum * static_cast<double>(experts * rows_an_expert)));
    return rows;
}

void experts_against_dense(benchmark::State& state, double exponent) {
    FeedForwardSpec const spec{hidden,      intermediate, Activation::swiglu,
                               DType::bf16, DType::bf16,  DType::bf16};
    std::vector<WeightKey> keys;
    for (int e = 0; e < experts; ++e) keys.push_back({WeightKey::Role::routed, 0, e});
    auto const kernel = make_expert_kernel("onednn", spec, 1, {keys}, 1);

    std::vector<int64_t> offset{0};
    for (int64_t const n : loads(state.range(0), exponent)) offset.push_back(offset.back() + n);
    int64_t const rows = offset.back();
    std::vector<int32_t> index(static_cast<std::size_t>(rows));
    std::iota(index.begin(), index.end(), 0);
    std::mt19937 random(1);
    std::shuffle(index.begin(), index.end(), random);
    std::vector<float> const weight(index.size(), 1.0f);
    HostBuffer in(DType::bf16, hidden), out(DType::bf16, hidden);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < rows * hidden; ++i)
        in.rows(rows).as<bf16>()[i] = to_bf16(normal(random));
    HostStream stream;
    GroupedRows const grouped{in.rows(rows), offset, index, index, weight};

    ThreadScope const one_thread(1);  // for the dense product
    kernel->prepare(rows, rows);
    auto const run = [&] { kernel->forward(0, grouped, out.rows(rows), stream); };
    DenseProduct dense(rows);
    run();
    dense.run();
    bench::Paired times;
    for (auto _ : state) {
        double const own = bench::seconds(run);
        times.add(own, bench::seconds([&] { dense.run(); }));
        state.SetIterationTime(own);
    }
    double const flops = 6.0 * hidden * intermediate * static_cast<double>(rows);
    state.counters["GFLOP/s"] = flops / times.own_median_s() * 1e-9;
    state.counters["ratio_to_dense"] = times.ratio();
}

BENCHMARK_CAPTURE(experts_against_dense, equal, 0.0)
    ->Arg(1)
    ->Arg(16)
    ->Arg(64)
    ->Arg(256)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(experts_against_dense, zipf, 1.0)
    ->Arg(64)
    ->Arg(256)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
