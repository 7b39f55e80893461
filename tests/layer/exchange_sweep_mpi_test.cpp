#include "layer/exchange_sweep.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "exchange/mpi/mpi_exchange.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "layer/exchange_record.hpp"
#include "layer/transport_trial.hpp"
#include "measure/step_times.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/traffic_scale.hpp"

namespace epsim::test {
namespace {

/// A transport that spoils what arrives from the last rank: one byte of each row, or nothing sent.
class BrokenTransport final : public Transport {
public:
    enum class Fault { flips_a_byte, repeats_the_past };
    BrokenTransport(std::unique_ptr<Transport> right, Fault fault)
        : right_(std::move(right)), fault_(fault) {}
    int ranks() const override { return right_->ranks(); }
    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override {
        right_->all_to_all(send, receive);
    }
    std::byte* all_to_all_rows(Lane lane, std::byte const* send, std::span<int64_t const> to,
                               std::span<int64_t const> from, int64_t row_bytes) override {
        auto* rows = right_->all_to_all_rows(lane, send, to, from, row_bytes);
        auto const last = from.size() - 2;
        auto const first_byte = from[last] * row_bytes, end_byte = from[last + 1] * row_bytes;
        if (fault_ == Fault::flips_a_byte) {
            for (auto at = first_byte; at < end_byte; at += row_bytes) rows[at] ^= std::byte{1};
        } else {
            past_.resize(std::max(past_.size(), static_cast<std::size_t>(end_byte)));
            std::swap_ranges(rows + first_byte, rows + end_byte, past_.begin() + first_byte);
        }
        return rows;
    }

private:
    std::unique_ptr<Transport> right_;
    Fault fault_;
    std::vector<std::byte> past_;
};

struct Sweep {
    Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
    ClusterTopology topology = ClusterTopology::blocks(comm.size(), 2);
    ExchangeCase exchange{{}, {0}, 5, "alltoallv", topology, {}, {}, {}};

    Sweep() {
        exchange.measure.min_passes = 3;
        for (int64_t const bytes : {0, 1, 7919, 40'000})
            exchange.rows.push_back(
                {scaled_rows(uniform_traffic(comm.size()), bytes, exchange.row_bytes)});
    }
    ExchangeResult run(std::unique_ptr<Transport> transport) {
        auto const mover = make_straight_mover(*transport, exchange.layers(), exchange.row_bytes);
        return run(std::vector<RowMover*>(exchange.rows.size(), mover.get()));
    }
    ExchangeResult run(std::vector<RowMover*> const& of_step) {
        return measure_exchange(exchange, comm, {of_step, {}, {}, nullptr});
    }
    /// Rows that arrive from a rank in a step, over all ranks.
    int64_t rows_from(std::size_t step, int64_t source) const {
        int64_t sum = 0;
        for (int64_t to = 0; to < comm.size(); ++to) sum += exchange.rows[step][0](source, to);
        return sum;
    }
};

TEST(ExchangeSweep, EveryAlgorithmMovesEveryByte) {
    for (auto const& algorithm : transport_candidates()) {
        Sweep sweep;
        sweep.exchange.algorithm = algorithm;
        auto const result = sweep.run(make_mpi_transport(sweep.comm, algorithm, sweep.topology));
        EXPECT_EQ(result.wrong, (std::vector<int64_t>(4, 0))) << algorithm;
        auto const& record = result.record;
        EXPECT_EQ(record.wrong, 0);
        EXPECT_EQ(record.checked, 2 * 4 * sweep.comm.size() * sweep.comm.size());
        EXPECT_EQ(record.identities, 2 * sweep.comm.size() * (7919 / 5 + 40'000 / 5));
        if (!sweep.comm.is_root()) continue;
        EXPECT_EQ(record.step_tokens[2], sweep.comm.size() * (7919 / 5));
        for (auto const& of_size : measured_iterations(record)) EXPECT_EQ(of_size.size(), 3u);
    }
}

/// Nodes of two, rows of 6 bytes, two layers of which one moves other rows than the other.
struct ForwardedSweep : Sweep {
    ForwardedSweep(std::string const& algorithm, std::mt19937& random) {
        exchange.algorithm = algorithm;
        exchange.row_bytes = 6;
        exchange.layer = {3, 4};
        for (auto& step : exchange.rows) {
            step.push_back(step.front());
            for (auto& layer : step)
                for (auto& n : layer.flat())
                    n = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 40);
        }
    }
    std::unique_ptr<RowMover> mover() const {
        auto const slots = linear_placement(1, comm.size(), comm.size());
        std::vector<std::unique_ptr<Exchange>> layers;
        for (int l = 0; l < 2; ++l)
            layers.push_back(make_mpi_exchange(comm, exchange.algorithm, slots, topology,
                                               Dedup::none,
                                               {3, DType::bf16, DType::bf16, DType::bf16,
                                                WeightAt::source, index(comm.rank()), 1}));
        return make_forwarding_mover(std::move(layers), comm.rank(), exchange.row_bytes);
    }
};

TEST(ExchangeSweep, RowsThatAreHandedOnArriveByteByByte) {
    std::mt19937 random(7);
    for (auto const* algorithm : {"rail", "hierarchical"}) {
        ForwardedSweep sweep(algorithm, random);
        auto const mover = sweep.mover();
        auto const result = sweep.run(std::vector<RowMover*>(4, mover.get()));
        EXPECT_EQ(result.wrong, (std::vector<int64_t>(4, 0))) << algorithm;
        int64_t rows = 0, bytes = 0;
        for (auto const& step : sweep.exchange.rows)
            for (auto const& layer : step)
                for (auto const n : layer.flat()) rows += n;
        EXPECT_EQ(result.record.identities, 2 * rows);
        if (!sweep.comm.is_root()) continue;
        EXPECT_EQ(result.record.hops, std::string(algorithm) == "rail" ? 2 : 3);
        for (auto const b : result.record.wire.flat()) bytes += b;
        EXPECT_EQ(bytes, rows * 6 * result.record.hops);
    }
}

/// Moves rows right, but gives one byte of the first row wrong.
class Spoiling final : public RowMover {
public:
    explicit Spoiling(std::unique_ptr<RowMover> right) : right_(std::move(right)) {}
    void prepare(int layer, Blocks const& blocks, std::byte const* send) override {
        some_ = blocks.receive_offset.back() > 0;
        right_->prepare(layer, blocks, send);
    }
    void move(int layer) override { right_->move(layer); }
    std::byte const* received(int layer) override {
        auto* rows = const_cast<std::byte*>(right_->received(layer));
        if (some_) rows[5] ^= std::byte{1};
        return rows;
    }

private:
    std::unique_ptr<RowMover> right_;
    bool some_ = false;
};

TEST(ExchangeSweep, AWrongByteOfARowThatWasHandedOnIsSeen) {
    std::mt19937 random(8);
    ForwardedSweep sweep("rail", random);
    Spoiling mover(sweep.mover());
    auto const result = sweep.run(std::vector<RowMover*>(4, &mover));
    int64_t spoiled = 0;
    for (auto const& step : sweep.exchange.rows)
        for (auto const& rows : step)
            for (int32_t r = 0; r < sweep.comm.size(); ++r)
                spoiled += Blocks(rows, RankId{r}).receive_offset.back() > 0;
    EXPECT_EQ(result.record.wrong, 2 * spoiled);
    EXPECT_GT(spoiled, 0);
}

TEST(ExchangeSweep, StepsGoByTheAlgorithmsChosenForThem) {
    Sweep sweep;
    sweep.exchange.algorithm = auto_algorithm;
    std::vector<std::unique_ptr<Transport>> transports;
    std::vector<std::unique_ptr<RowMover>> movers;
    for (auto const* name : {"bruck", "ring"}) {
        transports.push_back(make_mpi_transport(sweep.comm, name, sweep.topology));
        movers.push_back(make_straight_mover(*transports.back(), 1, sweep.exchange.row_bytes));
    }
    auto const choice = try_movers(sweep.exchange, sweep.comm, {"bruck", "ring"}, movers, [] {});
    ASSERT_EQ(choice.size(), 4u);
    for (auto const& of_step : choice) {
        EXPECT_EQ(of_step.tried.size(), 2u);
        for (auto const& text : sweep.comm.all_gather(of_step.text()))
            EXPECT_EQ(text, of_step.text());
    }
    sweep.exchange.step_algorithm = {"bruck", "ring", "ring", "bruck"};
    auto const result =
        sweep.run({movers[0].get(), movers[1].get(), movers[1].get(), movers[0].get()});
    EXPECT_EQ(result.record.wrong, 0);
    if (!sweep.comm.is_root()) return;
    EXPECT_EQ(result.record.algorithm, "auto");
    EXPECT_EQ(result.record.step_algorithm, sweep.exchange.step_algorithm);
    Array<int64_t, 2> wire({sweep.comm.size(), link_class_count});
    for (int64_t s = 0; s < 4; ++s) {
        auto const bytes =
            bytes_of(sweep.exchange.rows[static_cast<std::size_t>(s)][0], sweep.exchange.row_bytes);
        auto const of_step = wire_bytes(
            exchange_schedule(sweep.exchange.step_algorithm[static_cast<std::size_t>(s)], bytes),
            sweep.topology);
        std::ranges::transform(wire.flat(), of_step.flat(), wire.flat().begin(), std::plus<>());
    }
    for (int64_t r = 0; r < sweep.comm.size(); ++r)
        for (int64_t c = 0; c < wire.extent(1); ++c)
            EXPECT_EQ(result.record.wire(0, 0, r, c), wire(r, c)) << r;
}

TEST(ExchangeSweep, WrongBytesAreCountedRowByRow) {
    Sweep sweep;
    auto const result = sweep.run(std::make_unique<BrokenTransport>(
        make_mpi_transport(sweep.comm, "alltoallv", sweep.topology),
        BrokenTransport::Fault::flips_a_byte));
    int64_t sum = 0;
    for (std::size_t s = 0; s < 4; ++s) {
        EXPECT_EQ(result.wrong[s], 2 * sweep.rows_from(s, sweep.comm.size() - 1)) << s;
        sum += result.wrong[s];
    }
    EXPECT_EQ(result.record.wrong, sum);
    EXPECT_GT(sum, 0);
}

TEST(ExchangeSweep, RowsOfAnEarlierExchangeAreWrong) {
    Sweep sweep;
    auto const result = sweep.run(std::make_unique<BrokenTransport>(
        make_mpi_transport(sweep.comm, "alltoallv", sweep.topology),
        BrokenTransport::Fault::repeats_the_past));
    EXPECT_GT(result.wrong[3], 0);
}

TEST(ExchangeSweep, UncheckedRowsAreNotCounted) {
    Sweep sweep;
    sweep.exchange.measure.verify = "off";
    auto const result = sweep.run(std::make_unique<BrokenTransport>(
        make_mpi_transport(sweep.comm, "alltoallv", sweep.topology),
        BrokenTransport::Fault::flips_a_byte));
    EXPECT_EQ(result.record.wrong + result.record.checked + result.record.identities, 0);
}

}  // namespace
}  // namespace epsim::test
