#include <fmt/format.h>

#include <random>

#include "comm/mpi_session.hpp"
#include "contest.hpp"
#include "device/device_query.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "plain_exchange.hpp"
#include "probe/memory_loops.hpp"
#include "probe/vector_loops.hpp"
#include "schedule/exchange_candidates.hpp"

// Every algorithm, a plain MPI_Alltoallv of the same bytes and a copy of them inside each rank, by
// turns, over MPI ranks of one node:
//   scripts/mpirun.sh -n 2 build/bench/exchange_bench
// and with larger eager messages, which are copied once more but start sooner:
//   OMPI_MCA_btl_vader_eager_limit=32768 OMPI_MCA_btl_vader_max_send_size=65536
//   OMPI_MCA_btl_vader_rndv_eager_limit=32768
// With more ranks than cores set OMPI_MCA_mpi_yield_when_idle=1, too.
//   rows/<state>/<bytes of a row>/<rows a peer>  equal rows from each rank to each; counts are
//       known. warm: the sender writes every row before it is sent, as experts and permutes do
//       (rows that nobody writes lie in the receiver's cache after the first time, and lines that a
//       receiver has read cost their next writer). cold: rows were last used before twice the last
//       cache's bytes of others; those of each rank lie apart.
//   whole/<tokens>  counts, metadata, permute and dispatch of random routing to 64 experts, top-8,
//       rows of 4 KB; plain: counts, gather and MPI_Alltoallv
// All end with the receiver reading every row. `auto` is the fastest in a trial before. Counters:
// microseconds until the last rank's end, medians.
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

constexpr int64_t most_bytes = 24 << 20;  // a peer, and a row

/// Memory for twice what the last cache holds, and for what is sent at most.
HostBlock const& memory() {
    static HostBlock const block = [] {
        HostBlock made(2 * static_cast<int64_t>(query_host().last_level_cache_bytes) +
                       2 * most_bytes * world->size());
        std::memset(made.data(), 1, static_cast<std::size_t>(made.bytes()));
        return made;
    }();
    return block;
}

/// Rows to send: the same ones, written anew, or cold ones.
std::byte* rows_to_send(bool cold, int64_t bytes) {
    static int64_t at = 0;
    if (!cold) {
        write_rows(memory().data(), bytes);
        return memory().data();
    }
    if (at + bytes > memory().bytes()) at = 0;
    auto* const rows = memory().data() + at;
    at += (bytes + 63) / 64 * 64;
    return rows;
}

void report(benchmark::State& state, bench::Contest& contest, int calls) {
    contest.round(1);  // takes memory, connects
    for (auto _ : state) {
        contest.round(calls);
        state.SetIterationTime(1e-3);
    }
    for (auto const& [name, s] : contest.medians()) state.counters[name + "_us"] = s * 1e6;
}

void rows(benchmark::State& state, bool cold, int64_t row_bytes, int64_t n) {
    std::vector<int64_t> offset(1, 0);
    for (int r = 0; r < world->size(); ++r) offset.push_back(offset.back() + n);
    int64_t const bytes = offset.back() * row_bytes;
    bench::Contest contest(*world);
    auto const add = [&](std::string name, auto&& move) {
        contest.add(std::move(name), [cold, bytes, move] {
            benchmark::DoNotOptimize(read_rows(move(rows_to_send(cold, bytes)), bytes));
        });
    };
    std::vector<std::unique_ptr<Transport>> transports;
    auto const algorithms = transport_candidates();
    for (auto const& algorithm : algorithms) {
        auto* transport =
            transports
                .emplace_back(make_mpi_transport(
                    *world, algorithm, ClusterTopology::blocks(world->size(), world->size())))
                .get();
        add(algorithm, [&offset, row_bytes, transport](std::byte const* from) {
            return transport->all_to_all_rows(Lane::dispatch, from, offset, offset, row_bytes);
        });
    }
    contest.add_fastest(algorithms);
    bench::PlainAlltoallv plain(*world, row_bytes);
    add("MPI_Alltoallv",
        [&](std::byte const* from) { return plain.exchange(from, offset, offset); });
    HostBlock copy(bytes + 64);
    auto* const to = reinterpret_cast<CacheLine*>(copy.data());
    auto const lines = static_cast<std::size_t>(bytes) / sizeof(CacheLine);
    add("copy", [&](std::byte const* from) {
        plain_copy(reinterpret_cast<CacheLine const*>(from), to, static_cast<std::size_t>(bytes));
        return copy.data();
    });
    add("stream_copy", [&](std::byte const* from) {
        stream_copy({reinterpret_cast<CacheLine const*>(from), lines}, {to, lines});
        return copy.data();
    });
    report(state, contest,
           cold ? 1 : static_cast<int>(std::clamp<int64_t>((1 << 22) / bytes, 1, 100)));
    state.counters["bytes_a_peer"] = static_cast<double>(n * row_bytes);
}

void whole(benchmark::State& state) {
    int64_t const tokens = state.range(0);
    std::vector<std::unique_ptr<bench::RoutedRows>> all;
    bench::Contest contest(*world);
    auto const add = [&](std::string name, auto&& exchange) {
        contest.add(std::move(name), [exchange] {
            auto const received = exchange();
            benchmark::DoNotOptimize(read_rows(received.data, received.bytes()));
        });
    };
    auto const algorithms =
        exchange_candidates(ClusterTopology::blocks(world->size(), world->size()), Dedup::none);
    for (auto const& algorithm : algorithms) {
        auto* routed =
            all.emplace_back(std::make_unique<bench::RoutedRows>(*world, algorithm, tokens)).get();
        add(algorithm, [routed] { return routed->exchange_rows(); });
    }
    contest.add_fastest(algorithms);
    add("plain", [&] { return all.front()->plain_rows(); });
    report(state, contest, static_cast<int>(std::clamp<int64_t>(256 / tokens, 1, 10)));
}

/// 2^n and 3 2^(n-1) bytes a peer, in rows, and one row more or less.
std::vector<int64_t> rows_a_peer(int64_t row_bytes, std::mt19937& random) {
    std::vector<int64_t> rows;
    for (int64_t two = 8 << 10; two <= 16 << 20; two *= 2)
        for (int64_t const bytes : {two, two / 2 * 3}) {
            int64_t const n = std::max<int64_t>(1, bytes / row_bytes);
            rows.push_back(n);
            rows.push_back(random() % 2 == 0 || n == 1 ? n + 1 : n - 1);
        }
    std::ranges::sort(rows);
    rows.erase(std::ranges::unique(rows).begin(), rows.end());
    return rows;
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    epsim::MpiSession const session;
    auto const comm = epsim::Communicator::duplicate(MPI_COMM_WORLD);
    world = &comm;
    std::mt19937 random(3);
    std::vector<std::tuple<bool, int64_t, int64_t>> points;
    for (bool const cold : {false, true})
        for (int64_t const row_bytes : {4096, 5760, 7392, 14336})
            for (int64_t const n : rows_a_peer(row_bytes, random))
                points.emplace_back(cold, row_bytes, n);
    std::ranges::shuffle(points, random);
    for (auto const& [cold, row_bytes, n] : points)
        benchmark::RegisterBenchmark(
            fmt::format("rows/{}/{}/{}", cold ? "cold" : "warm", row_bytes, n).c_str(),
            [cold = cold, row_bytes = row_bytes, n = n](benchmark::State& state) {
                rows(state, cold, row_bytes, n);
            })
            ->UseManualTime()
            ->Iterations(9);
    for (int64_t const tokens : {16, 256, 2048})
        benchmark::RegisterBenchmark("whole", whole)->Arg(tokens)->UseManualTime()->Iterations(15);
    epsim::bench::run_on_all_ranks(comm);
}
