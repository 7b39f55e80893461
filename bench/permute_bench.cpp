#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "device/buffer.hpp"
#include "device/device_query.hpp"
#include "paired.hpp"
#include "rows/permute.hpp"

// Permuting rows of bf16, k = 8, one thread, over several times the last-level cache, against
// memcpy of as many bytes as the operation writes (gather) or reads (weighted sum):
// `ratio_to_memcpy`.
namespace {

using namespace epsim;

/// A permuted exchange of `top_k` copies of each token, as under uniform routing.
struct Case {
    static constexpr int top_k = 8;
    int64_t tokens, width;
    std::vector<int32_t> token_of_row, row_of_assignment;
    std::vector<float> weight;
    HostBuffer token_memory, row_memory, copy_memory;

    explicit Case(int64_t row_bytes)
        : tokens(copied_bytes() / (top_k * row_bytes)),
          width(row_bytes / bytes_of(DType::bf16)),
          token_memory(DType::bf16, width),
          row_memory(DType::bf16, width),
          copy_memory(DType::bf16, width) {
        auto const n = static_cast<std::size_t>(tokens * top_k);
        std::mt19937 random(1);
        row_of_assignment.resize(n);
        std::iota(row_of_assignment.begin(), row_of_assignment.end(), 0);
        std::shuffle(row_of_assignment.begin(), row_of_assignment.end(), random);
        token_of_row.resize(n);
        for (std::size_t a = 0; a < n; ++a)
            token_of_row[static_cast<std::size_t>(row_of_assignment[a])] =
                static_cast<int32_t>(a / top_k);
        std::uniform_real_distribution<float> uniform(-1, 1);
        weight.resize(n);
        for (float& w : weight) w = uniform(random);
        for (auto* memory : {&token_memory, &row_memory, &copy_memory}) {
            BufferView const view = memory->rows(tokens * top_k);
            for (int64_t i = 0; i < view.rows * width; ++i)
                view.as<bf16>()[i] = to_bf16(uniform(random));
        }
    }
    static int64_t copied_bytes() {
        double const cache = query_host().last_level_cache_bytes;
        return static_cast<int64_t>(std::max(3 * cache, 64.0 * 1024 * 1024));
    }
    BufferView token_rows() { return token_memory.rows(tokens); }
    BufferView rows() { return row_memory.rows(tokens * top_k); }
    BufferView copies() { return copy_memory.rows(tokens * top_k); }
};

template <class F>
void against_memcpy(benchmark::State& state, F&& operation) {
    Case rows(state.range(0));
    auto const bytes = rows.rows().bytes();
    operation(rows);
    bench::Paired times;
    for (auto _ : state) {
        double const own = bench::seconds([&] { operation(rows); });
        times.add(own, bench::seconds([&] {
                      std::memcpy(rows.copies().data, rows.rows().data,
                                  static_cast<std::size_t>(bytes));
                  }));
        state.SetIterationTime(own);
    }
    state.counters["GB/s"] = static_cast<double>(bytes) / times.own_median_s() * 1e-9;
    state.counters["ratio_to_memcpy"] = times.ratio();
}

/// GB/s of rows written.
void gather(benchmark::State& state) {
    against_memcpy(state, [](Case& c) { gather_rows(c.token_rows(), c.token_of_row, c.rows()); });
}

/// GB/s of rows read.
void weighted_sum(benchmark::State& state) {
    against_memcpy(state, [](Case& c) {
        weighted_sum_rows(c.rows(), c.row_of_assignment, c.weight, Case::top_k, c.token_rows());
    });
}

BENCHMARK(gather)->Arg(4096)->Arg(14336)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(weighted_sum)->Arg(4096)->Arg(14336)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
