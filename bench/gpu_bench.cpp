#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>

#include "compute/expert_kernel.hpp"
#include "core/error.hpp"
#include "device/device_memory.hpp"
#include "device/device_query.hpp"
#include "device/gpu.hpp"
#include "paired.hpp"
#include "rows/row_engine.hpp"

// Rows and experts on one GPU, each in turn with what bounds it in the same run:
// - `of_copy`   bytes read and written a second over those of a copy of 512 MiB on the GPU
// - `of_dense`  the time of one expert of as many rows in all over that of all experts: both are
// two
//               products and the activation, so this is what being in groups costs
// The time of a call is that of several, put into the stream one after the other, over their
// number. With --device=cpu the same runs on the host, which tries this program, not the host.
namespace {

using namespace epsim;

DeviceKind device = DeviceKind::cuda;
constexpr int calls = 10;

class Timer {
public:
    template <class Work>
    double seconds(Work&& work) {
        stream_->synchronise();
        return bench::seconds([&] {
                   for (int i = 0; i < calls; ++i) work(*stream_);
                   stream_->synchronise();
               }) /
               calls;
    }
    Stream& stream() { return *stream_; }

private:
    std::unique_ptr<Stream> stream_ = make_stream(device);
};

/// Normal values, different ones in neighbouring rows.
BufferView random_rows(RowBuffer& memory, int64_t rows, Stream& stream) {
    BufferView const view = memory.rows(rows);
    HostBuffer drawn(view.type, view.width);
    BufferView const some = drawn.rows(std::min<int64_t>(rows, 61));
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    dispatch_dtype(view.type, [&]<class T>(T) {
        std::generate_n(some.as<T>(), some.rows * some.width,
                        [&] { return from_float<T>(normal(random)); });
    });
    for (int64_t row = 0; row < rows; row += some.rows) {
        auto const n = std::min(some.rows, rows - row);
        copy_rows(some.first(n), {view.row(row), view.type, n, view.width, view.device}, stream);
    }
    stream.synchronise();
    return view;
}

/// What a copy on the device moves, in turn with what it bounds.
class CopyBound {
public:
    explicit CopyBound(Timer& timer)
        : timer_(timer),
          from_(memory_of(device), DType::bf16, width),
          to_(memory_of(device), DType::bf16, width) {
        random_rows(from_, rows, timer.stream());
        to_.reserve(rows);
    }
    /// Seconds for `bytes` read and written at a copy's rate.
    double seconds(double bytes) {
        BufferView const from = from_.rows(rows), to = to_.rows(rows);
        double const s = timer_.seconds([&](Stream& stream) { copy_rows(from, to, stream); });
        return s * bytes / (2.0 * static_cast<double>(from.bytes()));
    }

private:
    static constexpr int64_t width = 1 << 14, rows = 1 << 14;
    Timer& timer_;
    RowBuffer from_, to_;
};

template <class Work>
void against_copy(benchmark::State& state, Timer& timer, double bytes, Work&& work) {
    CopyBound copy(timer);
    bench::Paired times;
    work(timer.stream());
    for (auto _ : state) {
        double const own = timer.seconds(work);
        state.SetIterationTime(own);
        times.add(own, copy.seconds(bytes));
    }
    state.counters["GB/s"] = bytes / times.own_median_s() * 1e-9;
    state.counters["of_copy"] = times.ratio();
}

/// Tokens of bf16 and the rows of their k choices.
struct Rows {
    int64_t tokens, top_k;
    RowBuffer token_memory, row_memory;
    BufferView token, row;
    std::vector<int32_t> row_of_choice;  // by expert: any order that is none

    Rows(benchmark::State const& state, Stream& stream)
        : tokens(state.range(0)),
          top_k(state.range(2)),
          token_memory(memory_of(device), DType::bf16, state.range(1)),
          row_memory(memory_of(device), DType::bf16, state.range(1)),
          token(random_rows(token_memory, tokens, stream)),
          row(random_rows(row_memory, tokens * top_k, stream)),
          row_of_choice(static_cast<std::size_t>(tokens * top_k)) {
        std::iota(row_of_choice.begin(), row_of_choice.end(), 0);
        std::mt19937 random(2);
        std::ranges::shuffle(row_of_choice, random);
    }
    double bytes() const { return static_cast<double>(token.bytes() + row.bytes()); }
};

void permute(benchmark::State& state) {
    Timer timer;
    Rows rows(state, timer.stream());
    auto const engine = make_row_engine(device);
    against_copy(state, timer, rows.bytes(), [&](Stream& stream) {
        engine->permute(rows.token, rows.row_of_choice, static_cast<int>(rows.top_k), rows.row,
                        stream);
    });
}

void unpermute(benchmark::State& state) {
    Timer timer;
    Rows rows(state, timer.stream());
    auto const engine = make_row_engine(device);
    std::vector<int64_t> offset(static_cast<std::size_t>(rows.tokens) + 1);
    for (std::size_t t = 0; t < offset.size(); ++t)
        offset[t] = static_cast<int64_t>(t) * rows.top_k;
    std::vector<float> const weight(rows.row_of_choice.size(), 1 / static_cast<float>(rows.top_k));
    against_copy(state, timer, rows.bytes(), [&](Stream& stream) {
        engine->sum_groups(rows.row, offset, rows.row_of_choice, weight, rows.token, stream);
    });
}

/// fp8 with scales for blocks of 128.
void encode(benchmark::State& state) {
    Timer timer;
    Rows rows(state, timer.stream());
    auto const engine = make_row_engine(device);
    RowBuffer coded(memory_of(device), DType::f8_e4m3, state.range(1));
    BufferView const out = coded.rows(rows.row.rows);
    against_copy(state, timer, static_cast<double>(rows.row.bytes() + out.bytes()),
                 [&](Stream& stream) { engine->encode(rows.row, out, stream); });
}

/// Networks of bf16 and rows for them, in the order of their experts.
class Experts {
public:
    Experts(int hidden, int intermediate, std::vector<int64_t> rows, char const* kernel,
            Stream& stream)
        : spec_{hidden, intermediate, Activation::swiglu, DType::bf16, DType::bf16, DType::bf16},
          in_memory_(memory_of(device), DType::bf16, hidden),
          out_memory_(memory_of(device), DType::bf16, hidden) {
        std::vector<WeightKey> keys;
        for (std::size_t e = 0; e < rows.size(); ++e)
            keys.push_back({WeightKey::Role::routed, 0, static_cast<int32_t>(e)});
        for (auto const n : rows) offset_.push_back(offset_.back() + n);
        auto const all = static_cast<std::size_t>(offset_.back());
        index_.resize(all);
        std::iota(index_.begin(), index_.end(), 0);
        weight_.assign(all, 1.0f);
        in_ = random_rows(in_memory_, offset_.back(), stream);
        out_ = out_memory_.rows(offset_.back());
        kernel_ = make_expert_kernel(kernel, spec_, 1, {keys}, query_host().physical_cores);
        kernel_->prepare(*std::ranges::max_element(rows), offset_.back());
    }
    void run(Stream& stream) {
        kernel_->forward(0, {in_, offset_, index_, index_, weight_}, out_, stream);
    }
    double flops() const {
        return 6.0 * spec_.hidden * spec_.intermediate * static_cast<double>(offset_.back());
    }

private:
    FeedForwardSpec spec_;
    RowBuffer in_memory_, out_memory_;
    BufferView in_, out_;
    std::vector<int64_t> offset_{0};
    std::vector<int32_t> index_;
    std::vector<float> weight_;
    std::unique_ptr<ExpertKernel> kernel_;
};

void experts(benchmark::State& state, char const* kernel) {
    auto const hidden = static_cast<int>(state.range(0)),
               intermediate = static_cast<int>(state.range(1));
    int64_t const number = state.range(2), rows = state.range(3);
    bool const gpu = device == DeviceKind::cuda;
    Timer timer;
    Experts grouped(hidden, intermediate,
                    std::vector<int64_t>(static_cast<std::size_t>(number), rows),
                    gpu ? kernel : "auto", timer.stream());
    Experts dense(hidden, intermediate, {number * rows}, gpu ? "cublas-loop" : "auto",
                  timer.stream());
    auto const run = [](Experts& work) { return [&](Stream& stream) { work.run(stream); }; };
    run(grouped)(timer.stream());
    run(dense)(timer.stream());
    bench::Paired times;
    for (auto _ : state) {
        double const own = timer.seconds(run(grouped));
        state.SetIterationTime(own);
        times.add(own, timer.seconds(run(dense)));
    }
    state.counters["TFLOP/s"] = grouped.flops() / times.own_median_s() * 1e-12;
    state.counters["of_dense"] = times.ratio();
}

void row_sizes(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"tokens", "hidden", "top_k"})
        ->Args({4096, 7168, 8})
        ->Args({4096, 2048, 8})
        ->Args({4096, 4096, 2})
        ->Args({128, 7168, 8})
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

void expert_sizes(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"hidden", "intermediate", "experts", "rows"});
    for (int64_t const rows : {16, 128, 512, 1024}) bench->Args({2048, 768, 64, rows});
    for (int64_t const rows : {16, 512, 1024}) bench->Args({7168, 2048, 8, rows});
    bench->UseManualTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK(permute)->Apply(row_sizes);
BENCHMARK(unpermute)->Apply(row_sizes);
BENCHMARK(encode)->Apply(row_sizes);
BENCHMARK_CAPTURE(experts, cublas, "cublas")->Apply(expert_sizes);
BENCHMARK_CAPTURE(experts, cublas_loop, "cublas-loop")->Apply(expert_sizes);

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (argc == 2 && std::string_view(argv[1]) == "--device=cpu") {
        device = DeviceKind::cpu;
        --argc;
    }
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    try {
        if (device == DeviceKind::cuda) use_gpu(0);
        benchmark::RunSpecifiedBenchmarks();
    } catch (Error const& e) {
        std::fprintf(stderr, "epsim: %s\n", e.what());
        return static_cast<int>(e.exit_code());
    }
}
