#include <fmt/format.h>

#include <random>

#include "collective.hpp"
#include "comm/mpi_session.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "plain_exchange.hpp"
#include "schedule/exchange_schedule.hpp"

// Every algorithm against a plain MPI_Alltoallv of the same bytes, over MPI ranks of one node:
//   scripts/mpirun.sh -n 2 build/bench/exchange_bench
// and against one with larger eager messages, which are copied once more but start sooner:
//   OMPI_MCA_btl_vader_eager_limit=32768 OMPI_MCA_btl_vader_max_send_size=65536
//   OMPI_MCA_btl_vader_rndv_eager_limit=32768
// With more ranks than cores set OMPI_MCA_mpi_yield_when_idle=1, too.
//   rows/<algorithm>/<bytes a peer>  equal bytes from each rank to each; counts are known
//   whole/<algorithm>/<tokens>       counts, metadata, permute and dispatch of random routing to 64
//                                    experts, top-8, rows of 4 KB; against counts, gather and
//                                    MPI_Alltoallv
// Both sides begin with the sender writing every row, as experts and permutes do (rows that nobody
// writes lie in the receiver's cache after the first time, and lines that a receiver has read cost
// their next writer), and end with the receiver reading every row. Times are those of the last
// rank, medians; `ratio` is MPI_Alltoallv's over the algorithm's.
namespace {

using namespace epsim;

Communicator const* world = nullptr;

/// What a sender writes: a word of every cache line.
void write_rows(std::byte* rows, int64_t bytes) {
    static uint64_t word = 0;
    ++word;
    for (int64_t i = 0; i + 8 <= bytes; i += 64) std::memcpy(rows + i, &word, sizeof word);
}

/// What a receiver reads: a word of every cache line.
uint64_t read_rows(std::byte const* rows, int64_t bytes) {
    uint64_t sum = 0;
    for (int64_t i = 0; i + 8 <= bytes; i += 64) {
        uint64_t word;
        std::memcpy(&word, rows + i, sizeof word);
        sum += word;
    }
    return sum;
}

/// Own and other in turn, `calls` each at a time: a single one is shorter than a barrier's end.
template <class Own, class Other>
void compare(benchmark::State& state, int calls, Own&& own, Other&& other) {
    bench::Paired times;
    auto const seconds_of = [&](auto& work) {
        return bench::collective_seconds(*world,
                                         [&] {
                                             for (int i = 0; i < calls; ++i) work();
                                         }) /
               calls;
    };
    own();
    other();
    for (auto _ : state) {
        double const own_s = seconds_of(own);
        times.add(own_s, seconds_of(other));
        state.SetIterationTime(own_s * calls);
    }
    state.counters["median_us"] = times.own_median_s() * 1e6;
    state.counters["ratio"] = times.ratio();
}

void rows(benchmark::State& state, std::string const& algorithm) {
    constexpr int64_t row_bytes = 1024;
    int64_t const n = state.range(0) / row_bytes;
    std::vector<int64_t> offset(1, 0);
    for (int r = 0; r < world->size(); ++r) offset.push_back(offset.back() + n);
    int64_t const bytes = offset.back() * row_bytes;
    auto const transport = make_mpi_transport(
        *world, algorithm, ClusterTopology::blocks(world->size(), world->size()));
    bench::PlainAlltoallv plain(*world, row_bytes);
    HostBuffer send(DType::f32, row_bytes / 4);
    std::fill_n(send.rows(offset.back()).as<float>(), bytes / 4, 0.5f);
    auto* const from = send.rows(offset.back()).data;
    compare(
        state, static_cast<int>(std::clamp<int64_t>((1 << 22) / bytes, 1, 100)),
        [&] {
            write_rows(from, bytes);
            auto const* to =
                transport->all_to_all_rows(Lane::dispatch, from, offset, offset, row_bytes);
            benchmark::DoNotOptimize(read_rows(to, bytes));
        },
        [&] {
            write_rows(from, bytes);
            benchmark::DoNotOptimize(read_rows(plain.exchange(from, offset, offset), bytes));
        });
    state.counters["GB/s"] = static_cast<double>(bytes) / state.counters["median_us"] * 1e-3;
}

void whole(benchmark::State& state, std::string const& algorithm) {
    bench::RoutedRows routed(*world, algorithm, state.range(0));
    compare(
        state, static_cast<int>(std::clamp<int64_t>(256 / state.range(0), 1, 10)),
        [&] {
            auto const received = routed.exchange_rows();
            benchmark::DoNotOptimize(read_rows(received.data, received.bytes()));
        },
        [&] {
            auto const received = routed.plain_rows();
            benchmark::DoNotOptimize(read_rows(received.data, received.bytes()));
        });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    epsim::MpiSession const session;
    auto const comm = epsim::Communicator::duplicate(MPI_COMM_WORLD);
    world = &comm;
    auto const in_us = [](auto* bench) {
        return bench->UseManualTime()->Unit(benchmark::kMicrosecond);
    };
    for (auto const& algorithm : epsim::exchange_algorithms()) {
        if (epsim::hop_algorithm(algorithm) != algorithm || algorithm == "direct") continue;
        auto* bench = in_us(benchmark::RegisterBenchmark(
            fmt::format("rows/{}", algorithm).c_str(),
            [algorithm](benchmark::State& state) { rows(state, algorithm); }));
        for (int64_t bytes = 1 << 10; bytes <= 1 << 24; bytes *= 2) bench->Arg(bytes);
    }
    for (auto const& algorithm : epsim::exchange_algorithms())
        in_us(benchmark::RegisterBenchmark(
                  fmt::format("whole/{}", algorithm).c_str(),
                  [algorithm](benchmark::State& state) { whole(state, algorithm); }))
            ->Arg(16)
            ->Arg(256)
            ->Arg(2048);
    epsim::bench::run_on_all_ranks(comm);
}
