#include <fmt/format.h>
#include <gtest/gtest.h>

#include "comm/mpi_session.hpp"
#include "layer/replay_fixture.hpp"

namespace epsim::test {
namespace {

/// Rows of each pair by a loop over tokens: where contiguous tokens start, linear experts live, and
/// parts of a rank's tokens begin.
struct PairRows {
    std::vector<Array<int64_t, 2>> rows;  // of each step, layer and part
    std::vector<int64_t> tokens;          // of each source, all steps

    PairRows(MemorySource const& source, int steps, int ranks, int parts, Dedup dedup, int layer)
        : tokens(static_cast<std::size_t>(ranks)) {
        int const experts = source.info().num_experts, k = source.info().top_k;
        for (int s = 0; s < steps; ++s) {
            auto const& batch = source.batch(s, layer);
            int64_t const n = batch.tokens();
            std::vector<std::vector<int64_t>> of_rank(static_cast<std::size_t>(ranks));
            for (int64_t t = 0; t < n; ++t)
                of_rank[static_cast<std::size_t>(t * ranks / n)].push_back(t);
            for (int part = 0; part < parts; ++part) {
                auto& pairs = rows.emplace_back(Array<int64_t, 2>({ranks, ranks}));
                for (int64_t from = 0; from < ranks; ++from) {
                    auto const& mine = of_rank[static_cast<std::size_t>(from)];
                    int64_t const count = std::ssize(mine);
                    for (auto i = count * part / parts; i < count * (part + 1) / parts; ++i) {
                        ++tokens[static_cast<std::size_t>(from)];
                        std::vector<int64_t> to;
                        for (int64_t c = 0; c < k; ++c) {
                            auto const a = mine[static_cast<std::size_t>(i)] * k + c;
                            int64_t const e = index(batch.expert[static_cast<std::size_t>(a)]);
                            if (e >= 0) to.push_back(e * ranks / experts);
                        }
                        std::ranges::sort(to);
                        if (dedup == Dedup::rank)
                            to.erase(std::ranges::unique(to).begin(), to.end());
                        for (auto const r : to) ++pairs(from, r);
                    }
                }
            }
        }
    }
    int64_t sum(int64_t from, int64_t to) const {
        int64_t all = 0;
        for (auto const& pairs : rows) all += pairs(from, to);
        return all;
    }
    int64_t most() const {
        int64_t most = 0;
        for (auto const& pairs : rows) most = std::max(most, std::ranges::max(pairs.flat()));
        return most;
    }
};

struct Drawn {
    static constexpr int steps = 3, layers = 2;
    std::mt19937 random;
    int experts, top_k;
    MemorySource source;

    explicit Drawn(unsigned seed)
        : random(seed),
          experts(1 + static_cast<int>(random() % 13)),
          top_k(1 + static_cast<int>(random() % static_cast<unsigned>(std::min(experts, 4)))),
          source(random, {static_cast<int64_t>(random() % 40), 1, 29}, layers, experts, top_k,
                 seed % 3 == 0 ? ExpertId{experts - 1} : no_expert) {}

    int64_t slots(int ranks) const { return (experts + ranks - 1) / ranks; }  // of the fullest
};

class Padding : public testing::TestWithParam<int> {};

TEST_P(Padding, FillsEveryPairUpToTheCapacity) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size(), parts = GetParam() % 4 == 3 ? 2 : 1;
    Drawn const drawn(static_cast<unsigned>(GetParam()));
    auto const dedup = GetParam() % 2 ? Dedup::rank : Dedup::none;
    std::vector<PairRows> layers;
    int64_t most = 1;
    for (int l = 0; l < Drawn::layers; ++l) {
        layers.emplace_back(drawn.source, Drawn::steps, ranks, parts, dedup, l);
        most = std::max(most, layers.back().most());
    }
    int64_t const choices = std::min<int64_t>(drawn.top_k, drawn.slots(ranks));
    for (int64_t const given : {int64_t{0}, most, most + 5}) {
        SmallReplay replay(small_spec(drawn.source, DType::f32), drawn.source, comm);
        replay.algorithm = "padded";
        replay.spec.dedup = dedup;
        replay.overlap.chunks = parts;
        replay.capacity = given;
        auto const record = replay.run();
        if (!comm.is_root()) continue;
        EXPECT_EQ(record.wrong, 0);
        EXPECT_LE(record.max_error, 1);
        if (given > 0)
            EXPECT_EQ(record.capacity, given);
        else
            EXPECT_GE(record.capacity, most);
        int64_t const entries = dedup == Dedup::none ? 1 : choices;
        int64_t const room = record.capacity * parts * Drawn::steps;
        for (int64_t l = 0; l < Drawn::layers; ++l)
            for (int64_t from = 0; from < ranks; ++from)
                for (int64_t to = 0; to < ranks; ++to) {
                    int64_t const rows = layers[static_cast<std::size_t>(l)].sum(from, to);
                    EXPECT_EQ(record.payload(l, 0, from, to), rows * 96);
                    EXPECT_EQ(record.payload(l, 1, to, from), rows * 96);
                    EXPECT_EQ(record.padding(l, 0, from, to), (room - rows) * 96);
                    EXPECT_EQ(record.padding(l, 1, to, from), (room - rows) * 96);
                    EXPECT_EQ(record.metadata(l, 0, from, to), room * entries * 8);
                    EXPECT_EQ(record.metadata(l, 1, from, to), 0);
                }
    }
}

TEST_P(Padding, OfAGatherIsWhatARankDoesNotServe) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size(), parts = GetParam() % 4 == 3 ? 2 : 1;
    Drawn const drawn(static_cast<unsigned>(GetParam()));
    SmallReplay replay(small_spec(drawn.source, DType::f32), drawn.source, comm);
    replay.algorithm = "allgather";
    replay.spec.dedup = Dedup::rank;
    replay.overlap.chunks = parts;
    auto const record = replay.run();
    if (!comm.is_root()) return;
    EXPECT_EQ(record.wrong, 0);
    EXPECT_LE(record.max_error, 1);
    EXPECT_EQ(record.capacity, 0);
    for (int l = 0; l < Drawn::layers; ++l) {
        PairRows const pairs(drawn.source, Drawn::steps, ranks, parts, Dedup::rank, l);
        for (int64_t from = 0; from < ranks; ++from)
            for (int64_t to = 0; to < ranks; ++to) {
                int64_t const rows = pairs.sum(from, to);
                int64_t const tokens = pairs.tokens[static_cast<std::size_t>(from)];
                EXPECT_EQ(record.payload(l, 0, from, to), rows * 96);
                EXPECT_EQ(record.payload(l, 1, to, from), rows * 96);
                EXPECT_EQ(record.padding(l, 0, from, to), (tokens - rows) * 96);
                EXPECT_EQ(record.padding(l, 1, to, from), 0);
                EXPECT_EQ(record.metadata(l, 0, from, to),
                          4 * parts * Drawn::steps + 8 * drawn.top_k * tokens);
            }
    }
}

INSTANTIATE_TEST_SUITE_P(Random, Padding, testing::Range(0, 12));

TEST(PairCapacity, ThatIsTooSmallIsRefusedOnAllRanksBeforeAnythingMoves) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size();
    // Rank 0's five tokens all go to the last rank; nobody else has any but one.
    RoutingBatch batch;
    batch.top_k = 1;
    for (int t = 0; t < 5 * ranks; ++t) {
        bool const first = t < 5 || t == 5 * ranks - 1;
        batch.expert.push_back(first ? ExpertId{ranks - 1} : no_expert);
        batch.weight.push_back(1);
    }
    MemorySource const source(std::move(batch), ranks);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.algorithm = "padded";
    replay.capacity = 5;
    EXPECT_NO_THROW(replay.run());
    replay.capacity = 4;
    try {
        replay.run();
        ADD_FAILURE() << "there was no room";
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::usage);
        EXPECT_EQ(std::string(e.what()),
                  fmt::format("exchange.capacity = 4 is too small (step 0, layer 3: rank 0 has 5 "
                              "rows for rank {}). Raise it to 5, or leave it out",
                              ranks - 1));
    }
    replay.overlap.chunks = 2;  // 2 rows and 3
    replay.capacity = 3;
    EXPECT_NO_THROW(replay.run());
    replay.capacity = 2;
    EXPECT_THROW(replay.run(), CollectiveError);
}

TEST(PairCapacity, HasRoomForAnyRoutingOfItsTokens) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks = comm.size(), experts = 3 * ranks;
    RoutingBatch batch;  // 2 tokens a rank and one more: three for one of them
    batch.top_k = 2;
    for (int i = 0; i < 2 * (2 * ranks + 1); ++i) {
        batch.expert.push_back(ExpertId{i % 2});
        batch.weight.push_back(1);
    }
    MemorySource const source(std::move(batch), experts);
    auto spec = small_spec(source, DType::f32);
    auto const placement = linear_placement(1, experts, ranks);
    auto const topology = ClusterTopology::blocks(ranks, 2);
    ReplayCase replay{spec,      source,   {LayerId{0}}, Assign::contiguous,
                      placement, topology, "padded",     {},
                      {},        {},       {},           0,
                      {}};
    int64_t const tokens = 3;
    EXPECT_EQ(pair_capacity(replay, comm, 0).rows, tokens * 2);
    EXPECT_EQ(pair_capacity(replay, comm, 0).row_entries, 1);
    replay.spec.dedup = Dedup::rank;
    EXPECT_EQ(pair_capacity(replay, comm, 0).rows, tokens);
    EXPECT_EQ(pair_capacity(replay, comm, 0).row_entries, 2);
    replay.overlap.chunks = 2;
    EXPECT_EQ(pair_capacity(replay, comm, 0).rows, 2);
    replay.overlap.chunks = 100;
    EXPECT_EQ(pair_capacity(replay, comm, 0).rows, 1);
    EXPECT_EQ(pair_capacity(replay, comm, 9).rows, 9);
    EXPECT_THROW(pair_capacity(replay, comm, INT32_MAX), CollectiveError);
}

}  // namespace
}  // namespace epsim::test
