#include "layer/rebalancer.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "comm/mpi_session.hpp"
#include "layer/emulated_experts.hpp"
#include "layer/replay_fixture.hpp"

namespace epsim::test {
namespace {

/// A kernel that holds numbers only: the weights of slot s are in two parts of 3 and 40 bytes.
class Numbers final : public ExpertKernel {
public:
    Numbers(Placement const& placement, RankId rank, std::string layout = "numbers")
        : layout_(std::move(layout)) {
        for (int l = 0; l < placement.layers(); ++l) {
            auto& slots = memory_.emplace_back();
            for (ExpertId const e : placement.experts_of(LayerId{l}, rank)) {
                auto& slot = slots.emplace_back(43);
                for (std::size_t i = 0; i < slot.size(); ++i) slot[i] = byte_of(l, e, i);
            }
        }
    }
    static std::byte byte_of(int layer, ExpertId expert, std::size_t i) {
        return static_cast<std::byte>(7 * layer + 31 * index(expert) + static_cast<int>(i));
    }
    bool holds(int layer, int slot, ExpertId expert) const {
        auto const& memory =
            memory_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(slot)];
        for (std::size_t i = 0; i < memory.size(); ++i)
            if (memory[i] != byte_of(layer, expert, i)) return false;
        return true;
    }

    std::string_view name() const override { return "numbers"; }
    void prepare(int64_t, int64_t) override {}
    void forward(int, GroupedRows const&, BufferView, Stream&) override {}
    int64_t weight_bytes() const override { return 0; }
    std::vector<std::span<std::byte>> slot_weights(int layer, int slot) override {
        std::span<std::byte> const memory =
            memory_.at(static_cast<std::size_t>(layer)).at(static_cast<std::size_t>(slot));
        return {memory.first(3), memory.subspan(3)};
    }
    std::string weights_layout() const override { return layout_; }

private:
    std::string layout_;
    std::vector<std::vector<std::vector<std::byte>>> memory_;
};

Placement random_placement(std::mt19937& random, int ranks, int layers, int experts, int slots) {
    PlacementProblem problem{Array<double, 2>({layers, experts}), even_slots(ranks, slots),
                             ClusterTopology::blocks(ranks, 2)};
    for (double& x : problem.load.flat()) x = static_cast<double>(random() % 100);
    return make_placement(Strategy::greedy, problem);
}

TEST(WeightTransfer, BringsEverySlotTheWeightsOfItsExpert) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const channel = Communicator::duplicate(MPI_COMM_WORLD);
    // The same seed on every rank.
    std::mt19937 random(
        static_cast<unsigned>(comm.broadcast(double(std::random_device{}() % 1000))));
    for (int trial = 0; trial < 20; ++trial) {
        int const experts = 1 + static_cast<int>(random() % 13), layers = 3;
        int const slots =
            experts +
            static_cast<int>(random() % static_cast<unsigned>(experts * (comm.size() - 1) + 1));
        auto from = random_placement(random, comm.size(), layers, experts, slots);
        Numbers kernel(from, comm.rank());
        WeightTransfer transfer(channel, kernel, from);
        auto const topology = ClusterTopology::blocks(comm.size(), 2);
        int64_t expected = 0;
        for (int version = 0; version < 3; ++version) {
            auto const to = random_placement(random, comm.size(), layers, experts, slots);
            auto const moves = moves_between(from, to, topology);
            transfer.begin(moves);
            // Meanwhile slots keep what they hold.
            for (int l = 0; l < layers; ++l) {
                auto const mine = from.experts_of(LayerId{l}, comm.rank());
                for (std::size_t s = 0; s < mine.size(); ++s)
                    if (mine[s] != no_expert && version == 0) {
                        EXPECT_TRUE(kernel.holds(l, static_cast<int>(s), mine[s]));
                    }
            }
            EXPECT_EQ(transfer.is_running(), !moves.empty());
            transfer.finish();
            EXPECT_FALSE(transfer.is_running());
            for (int l = 0; l < layers; ++l) {
                auto const mine = to.experts_of(LayerId{l}, comm.rank());
                for (std::size_t s = 0; s < mine.size(); ++s)
                    if (mine[s] != no_expert) {
                        EXPECT_TRUE(kernel.holds(l, static_cast<int>(s), mine[s]))
                            << "layer " << l << ", slot " << s << ", expert " << index(mine[s]);
                    }
            }
            for (auto const& move : moves)
                expected += from.rank_of(move.source) != from.rank_of(move.destination) ? 43 : 0;
            from = to;
        }
        EXPECT_EQ(comm.all_sum(transfer.sent_bytes()), expected);
        EXPECT_EQ(comm.all_sum(transfer.received_bytes()), expected);
    }
}

TEST(WeightTransfer, RefusesKernelsThatKeepWeightsOtherwise) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const placement = linear_placement(1, comm.size(), comm.size());
    EmulatedExperts none(1, false);
    EXPECT_THROW(WeightTransfer(comm, none, placement), CollectiveError);
    if (comm.size() == 1) return;
    Numbers other(placement, comm.rank(), comm.is_root() ? "numbers" : "others");
    try {
        WeightTransfer(comm, other, placement);
        FAIL() << "different layouts went unnoticed";
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::usage);
        EXPECT_THAT(e.what(), testing::HasSubstr("numbers, 43 bytes; others, 43 bytes"));
    }
    // A rank without slots has no layout: nothing to differ.
    auto const few = linear_placement(1, 1, comm.size());
    Numbers mostly_none(few, comm.rank(), comm.is_root() ? "numbers" : "others");
    EXPECT_NO_THROW(WeightTransfer(comm, mostly_none, few));
}

class Rebalanced : public testing::TestWithParam<int> {};

TEST_P(Rebalanced, GivesTheBitsOfAReplayWhoseExpertsStay) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    auto const pick = [&](int low, int high) {
        return std::uniform_int_distribution(low, high)(random);
    };
    int const experts = pick(2, 13), layers = pick(1, 3);
    MemorySource const source(random, {31, 1, 40, 0, 17, 29, 23}, layers, experts,
                              std::min(experts, 3));
    auto const spec = small_spec(source, DType::f32);
    SmallReplay fixed(spec, source, comm);
    fixed.kernel =
        std::array{"reference", "auto", "onednn"}[static_cast<std::size_t>(GetParam()) % 3];
    auto moving = fixed;
    moving.redundant_slots = pick(0, experts * (comm.size() - 1));
    moving.replica_choice = static_cast<ReplicaChoice>(GetParam() % 5);
    moving.rebalance.interval = pick(1, 3);
    moving.rebalance.layers_per_step = pick(0, 2);
    moving.rebalance.mode = GetParam() % 2 == 0 ? RebalanceMode::stop : RebalanceMode::async;
    moving.rebalance.strategy = GetParam() % 4 < 2 ? Strategy::eplb : Strategy::search;
    if (GetParam() % 3 == 1) moving.overlap.chunks = 2;

    auto const stayed = fixed.run();
    auto const record = moving.run();
    auto const timeline = moving.timeline();
    if (!comm.is_root()) return;
    EXPECT_EQ(record.output_checksum, stayed.output_checksum);
    EXPECT_EQ(record.expert_tokens, stayed.expert_tokens);
    EXPECT_EQ(record.wrong, 0);
    EXPECT_EQ(record.checked, source.info().tokens() * layers);

    ASSERT_EQ(record.slot_expert.extent(0), std::ssize(timeline.versions()));
    EXPECT_TRUE(std::ranges::equal(record.step_version, timeline.version_of()));
    EXPECT_EQ(record.decision_step.size(), timeline.decisions().size());
    EXPECT_EQ(record.static_step.size(), 7u);
    for (double const t : record.static_step) EXPECT_GT(t, 0);
    // Ranks got what the step's placement gives them, where each expert has one slot.
    if (moving.redundant_slots == 0) {
        for (int s = 0; s < 7; ++s)
            for (int l = 0; l < layers; ++l)
                for (int r = 0; r < comm.size(); ++r) {
                    int64_t mine = 0;
                    for (ExpertId const e : timeline.at(s).experts_of(LayerId{l}, RankId{r}))
                        mine += record.expert_tokens(s, l, index(e));
                    EXPECT_EQ(record.rank_tokens(s, l, r), mine);
                }
    }
    // Bytes are those of whole experts, and the phase is there where weights move.
    int64_t expert_bytes = 0;
    for (int s = 1; s < 7; ++s) {
        auto const moves =
            std::ssize(moves_between(timeline.at(s - 1), timeline.at(s), moving.topology()));
        auto const bytes = record.step_moved[static_cast<std::size_t>(s)];
        if (expert_bytes == 0 && moves > 0) expert_bytes = bytes / moves;
        EXPECT_EQ(bytes, moves * expert_bytes);
    }
    bool const async = moving.rebalance.mode == RebalanceMode::async;
    auto const phase = static_cast<int64_t>(Phase::rebalance);
    for (int64_t i = 0; i < record.time_start.extent(0); ++i) {
        int const step = record.step_of[static_cast<std::size_t>(i)];
        int const changed = async ? step + 1 : step;
        int layers_timed = 0;
        for (int l = 0; l < layers; ++l)
            layers_timed += std::isfinite(record.time_start(i, l, phase, 0));
        bool const moves = changed < 7 && record.step_moved[static_cast<std::size_t>(changed)] > 0;
        EXPECT_EQ(layers_timed > 0, moves) << "iteration " << i << ", step " << step;
        if (moving.rebalance.layers_per_step > 0) {
            EXPECT_LE(layers_timed, moving.rebalance.layers_per_step);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Random, Rebalanced, testing::Range(0, 12));

/// Gives the transfer a copy, so that no weight ever moves.
class Forgetful final : public ExpertKernel {
public:
    explicit Forgetful(std::unique_ptr<ExpertKernel> inner) : inner_(std::move(inner)) {}
    std::string_view name() const override { return "forgetful"; }
    void prepare(int64_t rows, int64_t total) override { inner_->prepare(rows, total); }
    int64_t weight_bytes() const override { return inner_->weight_bytes(); }
    void forward(int layer, GroupedRows const& in, BufferView out, Stream& stream) override {
        inner_->forward(layer, in, out, stream);
    }
    std::vector<std::span<std::byte>> slot_weights(int layer, int slot) override {
        copies_.clear();
        for (auto const part : inner_->slot_weights(layer, slot))
            copies_.emplace_back(part.begin(), part.end());
        return {copies_.begin(), copies_.end()};
    }

private:
    std::unique_ptr<ExpertKernel> inner_;
    std::vector<std::vector<std::byte>> copies_;
};

TEST(Rebalancing, WithoutItsWeightsIsCaughtByTheOracle) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    if (comm.size() == 1) return;
    std::mt19937 random(3);
    MemorySource const source(random, {40, 40, 40}, 2, 24, 2);
    SmallReplay replay(small_spec(source, DType::f32), source, comm);
    replay.rebalance.interval = 1;
    auto const same = [](auto p) { return p; };
    auto const wrap = [](std::unique_ptr<ExpertKernel> inner) -> std::unique_ptr<ExpertKernel> {
        return std::make_unique<Forgetful>(std::move(inner));
    };
    try {
        replay.run(same, wrap);
        FAIL() << "the old weights went unnoticed";
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::verification_failed);
        EXPECT_THAT(e.what(), testing::HasSubstr("step 1, "));
    }
}

}  // namespace
}  // namespace epsim::test
