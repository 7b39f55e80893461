#include "exchange/mpi/shm_transport.hpp"

#include "exchange/traffic.hpp"

namespace epsim::test {
namespace {

/// Nodes of one rank to one node of all.
class ShmTransportOn : public testing::TestWithParam<int> {
protected:
    Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
    int const ranks_ = comm_.size(), rank_ = index(comm_.rank());
    ClusterTopology const topology_ =
        ClusterTopology::blocks(ranks_, GetParam() > 0 ? GetParam() : ranks_);
};

TEST_P(ShmTransportOn, MovesEveryRowInRepeatedCalls) {
    ShmTransport transport(comm_, topology_);
    repeated_calls(transport, comm_, 9);
}

TEST_P(ShmTransportOn, MemoryGrowsAsItIsUsed) {
    ShmTransport transport(comm_, topology_);
    TrafficRank rank(comm_);
    for (int64_t const rows : {0, 1, 3, 40, 2, 700, 5, 0, 3000, 7}) {
        Traffic const traffic{Array<int64_t, 2>({ranks_, ranks_}, rows), 33};
        rank.exchange(transport, Lane::dispatch, traffic, static_cast<unsigned>(rows));
    }
}

TEST_P(ShmTransportOn, WhatArrivedStaysWhileOtherLanesAreUsed) {
    ShmTransport transport(comm_, topology_);
    TrafficRank rank(comm_);
    Traffic const kept{Array<int64_t, 2>({ranks_, ranks_}, 5), 100};
    rank.exchange(transport, Lane::combine, kept, 1);
    auto const* rows = transport.node().own(Lane::combine, 0);
    for (unsigned i = 0; i < 10; ++i)
        for (Lane const lane : {Lane::metadata, Lane::dispatch})
            rank.exchange(transport, lane, kept, 2 + i);
    for (int64_t s = 0; s < ranks_; ++s) {
        auto const block = kept.block(s, rank_, 1);
        EXPECT_TRUE(std::equal(block.begin(), block.end(), rows + s * 500)) << "from " << s;
    }
}

TEST_P(ShmTransportOn, EveryCountArrives) {
    ShmTransport transport(comm_, topology_);
    std::vector<int32_t> send(static_cast<std::size_t>(ranks_)), receive(send.size());
    for (int call = 0; call < 200; ++call) {
        for (int to = 0; to < ranks_; ++to)
            send[static_cast<std::size_t>(to)] = (call << 16) + rank_ * 256 + to;
        transport.all_to_all(send, receive);
        for (int from = 0; from < ranks_; ++from)
            ASSERT_EQ(receive[static_cast<std::size_t>(from)], (call << 16) + from * 256 + rank_);
    }
}

INSTANTIATE_TEST_SUITE_P(RanksANode, ShmTransportOn, testing::Values(0, 1, 2, 3));

}  // namespace
}  // namespace epsim::test
