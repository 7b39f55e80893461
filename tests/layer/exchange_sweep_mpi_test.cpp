#include "layer/exchange_sweep.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "exchange/mpi/mpi_transport.hpp"
#include "measure/step_times.hpp"
#include "schedule/exchange_schedule.hpp"
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
    ClusterTopology topology = ClusterTopology::blocks(comm.size(), comm.size());
    ExchangeCase exchange{{}, {0}, 5, "alltoallv", topology, {}, {}, {}};

    Sweep() {
        exchange.measure.min_passes = 3;
        for (int64_t const bytes : {0, 1, 7919, 40'000})
            exchange.rows.push_back(
                {scaled_rows(uniform_traffic(comm.size()), bytes, exchange.row_bytes)});
    }
    ExchangeResult run(std::unique_ptr<Transport> transport) {
        return measure_exchange(exchange, comm, {*transport, {}, {}, nullptr});
    }
    /// Rows that arrive from a rank in a step, over all ranks.
    int64_t rows_from(std::size_t step, int64_t source) const {
        int64_t sum = 0;
        for (int64_t to = 0; to < comm.size(); ++to) sum += exchange.rows[step][0](source, to);
        return sum;
    }
};

TEST(ExchangeSweep, EveryAlgorithmMovesEveryByte) {
    for (auto const& algorithm : exchange_algorithms()) {
        if (forwards(algorithm) || algorithm == "direct") continue;
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
