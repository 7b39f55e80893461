#include "comm/node_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "comm/mpi_session.hpp"

namespace epsim::test {
namespace {

std::vector<int> blocks(int ranks, int size) {
    std::vector<int> node(static_cast<std::size_t>(ranks));
    for (int r = 0; r < ranks; ++r) node[static_cast<std::size_t>(r)] = r / size;
    return node;
}

TEST(NodeMemory, IsSeenByTheRanksOfTheNodeAsItGrows) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    int const rank = index(comm.rank());
    for (int const size : {1, 2, 3, 8}) {
        NodeMemory memory(comm, blocks(comm.size(), size), 2, 64);
        auto const ranks = memory.ranks();
        EXPECT_EQ(ranks.size(), std::min<std::size_t>(
                                    static_cast<std::size_t>(size),
                                    static_cast<std::size_t>(comm.size() - rank / size * size)));
        EXPECT_EQ(ranks[static_cast<std::size_t>(memory.place())], rank);
        for (int64_t bytes : {1, 100, 5000, 300, 700000}) {
            std::array<std::byte*, 2> own{memory.own(0, bytes), memory.own(1, 2 * bytes)};
            for (int segment : {0, 1})
                std::fill_n(own[static_cast<std::size_t>(segment)], bytes * (segment + 1),
                            static_cast<std::byte>(rank * 2 + segment));
            comm.barrier();
            for (int place = 0; place < static_cast<int>(ranks.size()); ++place)
                for (int segment : {0, 1}) {
                    auto const* there = memory.of(place, segment);
                    auto const value = static_cast<std::byte>(
                        ranks[static_cast<std::size_t>(place)] * 2 + segment);
                    EXPECT_EQ(std::count(there, there + bytes * (segment + 1), value),
                              bytes * (segment + 1));
                }
            comm.barrier();
        }
    }
}

TEST(NodeMemory, KeepsWhatItHoldsWhenItGrows) {
    SharedMemory memory("epsim test");
    memory.reserve(3);
    std::fill_n(memory.data(), 3, std::byte{5});
    PeerMemory same(getpid(), memory.descriptor());
    EXPECT_EQ(same.map(3)[2], std::byte{5});
    memory.reserve(int64_t{64} << 20);
    EXPECT_EQ(std::count(memory.data(), memory.data() + 3, std::byte{5}), 3);
    memory.data()[memory.size() - 1] = std::byte{6};
    EXPECT_EQ(same.map(memory.size())[memory.size() - 1], std::byte{6});
    EXPECT_EQ(same.map(1)[2], std::byte{5}) << "never smaller";
}

TEST(NodeMemory, SaysWhatToDoWhereItCannotBeHad) {
    EXPECT_THROW(PeerMemory(getpid(), 9999).map(1), InputError);
    SharedMemory memory("epsim test");
    EXPECT_THROW(memory.reserve(int64_t{1} << 60), Error);
}

}  // namespace
}  // namespace epsim::test
