#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "comm/mpi_session.hpp"
#include "exchange/mpi/shm_transport.hpp"
#include "measure/array.hpp"

namespace epsim::test {
namespace {

/// Rows of a random pattern that all ranks draw alike; every byte tells where it came from.
class TransportCall {
public:
    TransportCall(std::mt19937& random, int ranks, int most_rows)
        : row_bytes_(std::uniform_int_distribution(1, 200)(random)), rows_({ranks, ranks}) {
        bool const one_gets_all = random() % 4 == 0;
        auto const favourite = static_cast<int>(random() % static_cast<unsigned>(ranks));
        for (int from = 0; from < ranks; ++from)
            for (int to = 0; to < ranks; ++to)
                rows_(from, to) = random() % 3 == 0 || (one_gets_all && to != favourite)
                                      ? 0
                                      : std::uniform_int_distribution(0, most_rows)(random);
        salt_ = static_cast<int>(random() % 97);
    }

    std::vector<std::byte> sent_by(int rank, std::vector<int64_t>& offset) const {
        std::vector<std::byte> bytes;
        offset.assign(1, 0);
        for (int to = 0; to < rows_.extent(1); ++to) {
            for (int64_t i = 0; i < rows_(rank, to) * row_bytes_; ++i)
                bytes.push_back(value(rank, to, i));
            offset.push_back(offset.back() + rows_(rank, to));
        }
        return bytes;
    }
    std::vector<std::byte> received_by(int rank, std::vector<int64_t>& offset) const {
        std::vector<std::byte> bytes;
        offset.assign(1, 0);
        for (int from = 0; from < rows_.extent(0); ++from) {
            for (int64_t i = 0; i < rows_(from, rank) * row_bytes_; ++i)
                bytes.push_back(value(from, rank, i));
            offset.push_back(offset.back() + rows_(from, rank));
        }
        return bytes;
    }
    int64_t row_bytes() const { return row_bytes_; }

private:
    std::byte value(int from, int to, int64_t i) const {
        return static_cast<std::byte>(from * 31 + to * 7 + i * 3 + salt_);
    }
    int64_t row_bytes_;
    Array<int64_t, 2> rows_;
    int salt_;
};

struct Received {
    std::byte const* data = nullptr;
    std::vector<std::byte> expected;
    bool right() const { return std::equal(expected.begin(), expected.end(), data); }
};

class ShmTransports : public testing::Test {
protected:
    Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks_ = comm_.size(), rank_ = index(comm_.rank());

    /// What arrives in one lane stays while others are used, and until the lane is used again;
    /// calls follow each other with nothing between.
    void exchange_rows(Transport& transport, unsigned seed, std::vector<int> const& most_rows) {
        std::mt19937 random(seed);
        std::array<Received, lane_count> lanes;
        std::vector<int64_t> send_offset, receive_offset;
        for (int const most : most_rows) {
            TransportCall const call(random, ranks_, most);
            auto const lane = random() % lane_count;
            auto const send = call.sent_by(rank_, send_offset);
            lanes[lane].expected = call.received_by(rank_, receive_offset);
            lanes[lane].data =
                transport.all_to_all_rows(static_cast<Lane>(lane), send.data(), send_offset,
                                          receive_offset, call.row_bytes());
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lanes[lane].data) % 64, 0u);
            for (auto const& received : lanes) EXPECT_TRUE(received.right());
        }
    }
};

TEST_F(ShmTransports, EveryRowArrivesWhereItShould) {
    for (int const ranks_per_node : {1, 2, 3, ranks_}) {
        ShmTransport transport(comm_, ClusterTopology::blocks(ranks_, ranks_per_node));
        auto const seed = static_cast<unsigned>(ranks_per_node);
        exchange_rows(transport, seed, std::vector<int>(40, 9));
        exchange_rows(transport, seed + 50, {0, 0, 1, 3, 0, 40, 2, 800, 5, 0, 3000, 7, 900});
    }
}

TEST_F(ShmTransports, EveryCountArrives) {
    for (int const ranks_per_node : {1, 2, 3, ranks_}) {
        ShmTransport transport(comm_, ClusterTopology::blocks(ranks_, ranks_per_node));
        EXPECT_EQ(transport.ranks(), ranks_);
        std::vector<int32_t> send(static_cast<std::size_t>(ranks_)), receive(send.size());
        for (int call = 0; call < 200; ++call) {
            for (int to = 0; to < ranks_; ++to)
                send[static_cast<std::size_t>(to)] = (call << 16) + rank_ * 256 + to;
            transport.all_to_all(send, receive);
            for (int from = 0; from < ranks_; ++from)
                ASSERT_EQ(receive[static_cast<std::size_t>(from)],
                          (call << 16) + from * 256 + rank_);
        }
    }
}

}  // namespace
}  // namespace epsim::test
