#include <fmt/format.h>
#include <algorithm>
#include <array>

#include <cstring>
#include <random>

#include "device/buffer.hpp"
#include "device/device_query.hpp"
#include "paired.hpp"
#include "rows/row_codec.hpp"

// Rows of 2048 elements encoded for the wire and decoded, one thread, against memcpy of the input's
// bytes: `ratio_to_memcpy`, and GB/s of input. `cold` buffers rotate over twice the last-level
// cache, `warm` ones are a few rows.
namespace {

using namespace epsim;
using bench::seconds;

constexpr int64_t width = 2048;

struct Set {
    HostBuffer in_memory, out_memory, copy_memory;
    BufferView in, out, copy;

    Set(DType from, DType to, int64_t rows)
        : in_memory(from, width),
          out_memory(to, width),
          copy_memory(from, width),
          in(in_memory.rows(rows)),
          out(out_memory.rows(rows)),
          copy(copy_memory.rows(rows)) {
        HostBuffer plain(DType::f32, width);
        BufferView const values = plain.rows(rows);
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        std::array<float, 8191> drawn;  // a prime number: rows differ
        std::ranges::generate(drawn, [&] { return normal(random); });
        for (int64_t i = 0; i < rows * width; ++i)
            values.as<float>()[i] = drawn[static_cast<std::size_t>(i) % drawn.size()];
        encode_rows(values, in);
        std::memset(out.data, 0, static_cast<std::size_t>(out.bytes()));
        std::memset(copy.data, 0, static_cast<std::size_t>(copy.bytes()));
    }
};

void convert(benchmark::State& state, DType from, DType to, int64_t rows) {
    std::vector<Set> sets;
    double const all = rows > 100 ? 2 * query_host().last_level_cache_bytes : 0;
    do sets.emplace_back(from, to, rows);
    while (static_cast<double>(std::ssize(sets) * sets[0].in.bytes()) < all);
    std::size_t turn = 0;
    bench::Paired times;
    for (auto _ : state) {
        Set const& set = sets[turn++ % sets.size()];
        double const own = seconds([&] {
            if (to == DType::bf16)
                decode_rows(set.in, set.out);
            else
                encode_rows(set.in, set.out);
        });
        state.SetIterationTime(own);
        Set const& other = sets[turn++ % sets.size()];
        times.add(own, seconds([&] {
                      std::memcpy(other.copy.data, other.in.data,
                                  static_cast<std::size_t>(other.in.bytes()));
                  }));
    }
    state.counters["GB/s"] = static_cast<double>(sets[0].in.bytes()) / times.own_median_s() * 1e-9;
    state.counters["ratio_to_memcpy"] = times.ratio();
}

constexpr int64_t cold = 2047, warm = 31;

}  // namespace

int main(int argc, char** argv) {
    struct Pair {
        DType from, to;
    };
    for (auto const& [from, to] : {Pair{DType::f32, DType::bf16},
                                   {DType::f32, DType::f16},
                                   {DType::f32, DType::f8_e4m3},
                                   {DType::bf16, DType::f16},
                                   {DType::bf16, DType::f8_e4m3},
                                   {DType::f16, DType::bf16},
                                   {DType::f8_e4m3, DType::bf16}})
        for (auto const& [name, rows] : {std::pair{"cold", cold}, {"warm", warm}})
            benchmark::RegisterBenchmark(
                fmt::format("{}_to_{}/{}", name_of(from), name_of(to), name).c_str(), convert, from,
                to, rows)
                ->UseManualTime()
                ->Unit(benchmark::kMicrosecond);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
