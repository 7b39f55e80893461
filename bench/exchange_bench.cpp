#include <random>

#include "collective.hpp"
#include "comm/mpi_session.hpp"
#include "exchange/mpi/mpi_exchange.hpp"

// The exchange of a layer's rows against one plain MPI_Alltoallv of the same bytes. Run it over MPI
// ranks: scripts/mpirun.sh -n 2 build/bench/exchange_bench. Times are the maximum over ranks.
//   dispatch  the wire alone: `ratio_to_alltoallv` near 1 means that the exchange adds nothing
//   whole     counts, metadata, permute and dispatch: what a token's rank really waits for
namespace {

using namespace epsim;

constexpr int experts = 64, top_k = 8;
constexpr int64_t hidden = 2048;
Communicator const* world = nullptr;

/// Uniform routing of `tokens` a rank, and everything to exchange them.
struct Case {
    Placement placement = linear_placement(1, experts, world->size());
    DispatchPlanner planner;
    DispatchPlan const* plan;
    std::unique_ptr<Exchange> exchange;
    HostBuffer tokens{DType::bf16, hidden}, received{DType::bf16, hidden};
    HostBuffer sent{DType::bf16, hidden};
    std::vector<int> send_count, send_at, receive_count, receive_at;
    RowType row{hidden * bytes_of(DType::bf16)};

    explicit Case(int64_t count) {
        std::mt19937 random(static_cast<unsigned>(index(world->rank())) + 1);
        SlotRouting routing;
        routing.top_k = top_k;
        std::uniform_int_distribution<int> slot(0, experts - 1);
        for (int64_t i = 0; i < count * top_k; ++i) {
            routing.slot.push_back(SlotId{slot(random)});
            routing.weight.push_back(0.1f);
        }
        auto const rank = static_cast<std::size_t>(index(world->rank()));
        auto const offset = placement.rank_slot_offset();
        exchange =
            make_mpi_exchange(*world, "alltoallv", placement,
                              ClusterTopology::blocks(world->size(), world->size()), Dedup::none,
                              {hidden, DType::bf16, DType::bf16, DType::bf16, WeightAt::source,
                               offset[rank], offset[rank + 1] - offset[rank]});
        plan = &planner.plan(routing, exchange->route());
        auto const x = tokens.rows(count);
        for (int64_t i = 0; i < x.rows * x.width; ++i) x.as<bf16>()[i] = to_bf16(0.5f);
        whole();
        plain_counts();
    }
    void whole() {
        HostStream stream;
        exchange->prepare(*plan);
        exchange->permute(tokens.rows(plan->tokens), stream);
        exchange->dispatch(stream);
    }
    void dispatch() {
        HostStream stream;
        exchange->dispatch(stream);
    }
    void plain_counts() {
        auto const ranks = static_cast<std::size_t>(world->size());
        for (auto* list : {&send_count, &send_at, &receive_count, &receive_at})
            list->assign(ranks, 0);
        for (std::size_t r = 0; r < ranks; ++r)
            send_count[r] = static_cast<int>(plan->rows_to(RankId{static_cast<int>(r)}));
        check_mpi(MPI_Alltoall(send_count.data(), 1, MPI_INT, receive_count.data(), 1, MPI_INT,
                               world->native()),
                  "MPI_Alltoall");
        for (std::size_t r = 1; r < ranks; ++r) {
            send_at[r] = send_at[r - 1] + send_count[r - 1];
            receive_at[r] = receive_at[r - 1] + receive_count[r - 1];
        }
        auto const x = sent.rows(plan->rows());
        for (int64_t i = 0; i < x.rows * x.width; ++i) x.as<bf16>()[i] = to_bf16(0.5f);
        received.rows(receive_at.back() + receive_count.back());
    }
    void alltoallv() {
        check_mpi(MPI_Alltoallv(
                      sent.rows(plan->rows()).data, send_count.data(), send_at.data(), row.native(),
                      received.rows(receive_at.back() + receive_count.back()).data,
                      receive_count.data(), receive_at.data(), row.native(), world->native()),
                  "MPI_Alltoallv");
    }
};

void against_alltoallv(benchmark::State& state, void (Case::*operation)()) {
    Case rows(state.range(0));
    bench::Paired times;
    for (auto _ : state) {
        double const own = bench::collective_seconds(*world, [&] { (rows.*operation)(); });
        times.add(own, bench::collective_seconds(*world, [&] { rows.alltoallv(); }));
        state.SetIterationTime(own);
    }
    state.counters["ratio_to_alltoallv"] = times.ratio();
    auto const bytes = rows.plan->rows() * hidden * bytes_of(DType::bf16);
    state.SetBytesProcessed(state.iterations() * bytes);
}

void dispatch(benchmark::State& state) {
    against_alltoallv(state, &Case::dispatch);
}
void whole(benchmark::State& state) {
    against_alltoallv(state, &Case::whole);
}

BENCHMARK(dispatch)->Arg(16)->Arg(256)->Arg(2048)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(whole)->Arg(16)->Arg(256)->Arg(2048)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    epsim::MpiSession const session;
    auto const comm = epsim::Communicator::duplicate(MPI_COMM_WORLD);
    world = &comm;
    bench::run_on_all_ranks(comm);
}
