#include <algorithm>
#include <concepts>
#include <cstring>
#include <numeric>
#include <random>

#include "device/buffer.hpp"
#include "device/device_query.hpp"
#include "paired.hpp"
#include "probe/memory_loops.hpp"
#include "rows/permute.hpp"

// Rows of one rank on one thread: k = 8 distinct of 64 experts a token, uniform, rows grouped by
// expert. Each operation is timed in turn with what bounds it, streaming stores (permute) or a read
// (combine) of as many bytes of such memory, and permute with a gather of the same rows. 2048
// tokens are cold: sets of buffers rotate, which together are twice the last-level cache; 32 are
// warm, in one set. GB/s are payload: rows written (permute), read (combine).
namespace {

using namespace epsim;
using bench::seconds;

constexpr int top_k = 8, experts = 64;

/// [tokens, top_k] the row of each choice: rows by expert, then by token.
std::vector<int32_t> uniform_routing(int64_t tokens, std::mt19937& random) {
    std::vector<int> expert(experts);
    std::iota(expert.begin(), expert.end(), 0);
    std::vector<int> chosen;
    std::vector<int32_t> next(experts + 1);
    for (int64_t t = 0; t < tokens; ++t) {
        std::shuffle(expert.begin(), expert.end(), random);
        for (auto const e : std::span(expert).first(top_k)) {
            chosen.push_back(e);
            ++next[static_cast<std::size_t>(e) + 1];
        }
    }
    std::partial_sum(next.begin(), next.end(), next.begin());
    std::vector<int32_t> row;
    for (int const e : chosen) row.push_back(next[static_cast<std::size_t>(e)]++);
    return row;
}

/// Tokens, and a row for each choice.
struct Set {
    HostBuffer token_memory, row_memory;
    BufferView tokens, rows;

    Set(DType type, int64_t n, int64_t width, std::mt19937& random)
        : token_memory(type, width),
          row_memory(type, width),
          tokens(token_memory.rows(n)),
          rows(row_memory.rows(n * top_k)) {
        std::normal_distribution<float> normal;
        dispatch_dtype(type, [&]<class T>(T) {
            for (int64_t i = 0; i < n * width; ++i)
                tokens.as<T>()[i] = from_float<T>(normal(random));
        });
        for (int c = 0; c < top_k; ++c)
            std::memcpy(rows.row(c * n), tokens.data, static_cast<std::size_t>(tokens.bytes()));
    }
    /// Of rows, whole lines.
    std::span<CacheLine> lines() const {
        return {reinterpret_cast<CacheLine*>(rows.data),
                static_cast<std::size_t>(rows.bytes()) / sizeof(CacheLine)};
    }
};

struct Case {
    int64_t tokens, width;
    std::mt19937 random{1};
    std::vector<int32_t> row_of_assignment, token_of_row;
    std::vector<float> weight;
    std::vector<Set> sets;
    std::size_t turn = 0;

    Case(DType type, int64_t row_bytes, int64_t tokens_, bool is_cold)
        : tokens(tokens_),
          width(row_bytes / bytes_of(type)),
          row_of_assignment(uniform_routing(tokens, random)),
          token_of_row(row_of_assignment.size()),
          weight(row_of_assignment.size()) {
        for (std::size_t a = 0; a < row_of_assignment.size(); ++a)
            token_of_row[static_cast<std::size_t>(row_of_assignment[a])] =
                static_cast<int32_t>(a / top_k);
        std::uniform_real_distribution<float> uniform(0, 1);
        for (float& w : weight) w = uniform(random);
        double const all = is_cold ? 2 * query_host().last_level_cache_bytes : 0;
        do sets.emplace_back(type, tokens, width, random);
        while (static_cast<double>(std::ssize(sets) * sets[0].rows.bytes()) < all);
    }
    /// Seconds of `work` on the next set.
    double time(std::invocable<Set const&> auto work) {
        Set const& set = sets[turn++ % sets.size()];
        return seconds([&] { work(set); });
    }
    double payload() const { return static_cast<double>(sets[0].rows.bytes()); }
};

constexpr int64_t cold = 2048, warm = 32;  // tokens

Case make_case(DType type, benchmark::State const& state) {
    return {type, state.range(0), state.range(1), state.range(1) == cold};
}

void permute(benchmark::State& state) {
    Case rows = make_case(DType::bf16, state);
    bench::Paired to_bound, to_gather;
    for (auto _ : state) {
        double const own = rows.time([&](Set const& set) {
            permute_rows(set.tokens, rows.row_of_assignment, top_k, set.rows);
        });
        state.SetIterationTime(own);
        to_bound.add(own, rows.time([&](Set const& set) { stream_fill(set.lines(), rows.turn); }));
        to_gather.add(own, rows.time([&](Set const& set) {
            gather_rows(set.tokens, rows.token_of_row, set.rows);
        }));
    }
    state.counters["GB/s"] = rows.payload() / to_bound.own_median_s() * 1e-9;
    state.counters["ratio_to_streaming_write"] = to_bound.ratio();
    state.counters["ratio_to_gather"] = to_gather.ratio();
}

/// Sums in fp32, stored in the rows' type.
void combine(benchmark::State& state, DType type) {
    Case rows = make_case(type, state);
    bench::Paired to_bound;
    for (auto _ : state) {
        double const own = rows.time([&](Set const& set) {
            weighted_sum_rows(set.rows, rows.row_of_assignment, rows.weight, top_k, set.tokens);
        });
        state.SetIterationTime(own);
        to_bound.add(own, rows.time([&](Set const& set) {
            benchmark::DoNotOptimize(sum_of_words(set.lines()));
        }));
    }
    state.counters["GB/s"] = rows.payload() / to_bound.own_median_s() * 1e-9;
    state.counters["ratio_to_read"] = to_bound.ratio();
}

void sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"row_bytes", "tokens"})
        ->ArgsProduct({{4096, 5760, 7392, 14336}, {cold, warm}})
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

BENCHMARK(permute)->Apply(sizes);
BENCHMARK_CAPTURE(combine, bf16, DType::bf16)->Apply(sizes);
BENCHMARK_CAPTURE(combine, fp32, DType::f32)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
