#include "layer/exchange_trial.hpp"

#include <gtest/gtest.h>

#include "comm/mpi_session.hpp"
#include "exchange/mpi/mpi_exchange.hpp"
#include "layer/replay_fixture.hpp"
#include "layer/times_by_turns.hpp"
#include "schedule/exchange_candidates.hpp"

namespace epsim::test {
namespace {

struct Trial {
    Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random{std::random_device{}()};
    int64_t rounds = 0;

    explicit Trial()
        : random(static_cast<unsigned>(comm.broadcast(static_cast<double>(random() % 1000)))) {}

    AlgorithmChoice run(Dedup dedup, Overlap overlap, std::vector<int64_t> const& tokens,
                        std::string const& impossible = "") {
        MemorySource const source(random, tokens, 3, 5, 2);
        auto spec = small_spec(source, DType::bf16);
        spec.dedup = dedup;
        auto const topology = ClusterTopology::blocks(comm.size(), 2);
        auto const placement = linear_placement(3, 5, comm.size());
        ReplayCase const replay{spec,
                                source,
                                {LayerId{0}, LayerId{1}, LayerId{2}},
                                Assign::contiguous,
                                placement,
                                topology,
                                auto_algorithm,
                                {},
                                {},
                                {},
                                overlap};
        return try_exchanges(
            replay, comm, exchange_candidates(topology, dedup),
            [&](std::string const& algorithm) {
                if (algorithm == impossible) throw CollectiveError("not here", ExitCode::usage);
                return make_mpi_exchange(comm, algorithm, placement, topology, dedup,
                                         exchange_shape(spec, placement, comm.rank()));
            },
            [&] { ++rounds; });
    }

    /// Every rank knows the same.
    void expect_agreement(AlgorithmChoice const& choice) const {
        auto const texts = comm.all_gather(choice.text());
        for (auto const& text : texts) EXPECT_EQ(text, texts.front());
    }
};

TEST(ExchangeTrial, TriesEveryCandidateAndAllRanksAgree) {
    Trial trial;
    for (auto const dedup : {Dedup::none, Dedup::rank, Dedup::node})
        for (Overlap const overlap : {Overlap{}, Overlap{3, 1}, Overlap{1, 2}}) {
            auto const choice = trial.run(dedup, overlap, {9, 0, 30});
            auto names = exchange_candidates(ClusterTopology::blocks(trial.comm.size(), 2), dedup);
            std::vector<std::string> tried;
            double before = 0;
            for (auto const& [algorithm, seconds] : choice.tried) {
                tried.push_back(algorithm);
                EXPECT_GE(seconds, before);
                before = seconds;
            }
            EXPECT_GT(before, 0);
            std::ranges::sort(tried);
            std::ranges::sort(names);
            EXPECT_EQ(tried, names);
            EXPECT_TRUE(choice.left_out.empty());
            trial.expect_agreement(choice);
        }
    EXPECT_GT(trial.rounds, 0);
}

TEST(ExchangeTrial, WorksWithoutTokens) {
    Trial trial;
    trial.expect_agreement(trial.run(Dedup::none, {}, {0}));
    trial.expect_agreement(trial.run(Dedup::none, {}, {1}));
}

TEST(ExchangeTrial, LeavesOutWhatCannotBeMade) {
    Trial trial;
    auto const choice = trial.run(Dedup::none, {}, {9}, "shm");
    EXPECT_EQ(choice.left_out, (std::vector<std::string>{"shm: not here"}));
    for (auto const& of : choice.tried) EXPECT_NE(of.algorithm, "shm");
}

TEST(TimesByTurns, CallsEachAsOftenOnEveryRank) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::vector<int64_t> calls(3);
    std::vector<std::function<void()>> candidates;
    for (auto& count : calls)
        candidates.push_back([&count, &comm] {
            ++count;
            comm.barrier();
        });
    int rounds = 0;
    auto const times = times_by_turns(candidates, comm, {-1, 4, 9}, [&] { ++rounds; });
    EXPECT_EQ(rounds, 3 + 4) << "warm-up of each, then the least rounds";
    EXPECT_EQ(times.size(), 3u);
    for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_GE(calls[c], 2 + 4);
        EXPECT_EQ(comm.all_max(calls[c]), calls[c]);
        EXPECT_EQ(comm.all_max(times[c]), times[c]);
    }
}

}  // namespace
}  // namespace epsim::test
