#pragma once

#include <gtest/gtest.h>

#include <random>

#include "comm/communicator.hpp"
#include "exchange/transport.hpp"
#include "measure/array.hpp"

namespace epsim::test {

/// Rows from every rank to every rank, the same on all ranks; each byte says where it belongs.
struct Traffic {
    Array<int64_t, 2> rows;
    int64_t row_bytes;

    static Traffic random(int ranks, std::mt19937& random) {
        Traffic t{Array<int64_t, 2>({ranks, ranks}), 1 + static_cast<int64_t>(random() % 40)};
        auto const kind = random() % 4;  // all pairs; half of them; one rank gets all; nothing
        auto const favourite = static_cast<int64_t>(random() % static_cast<unsigned>(ranks));
        for (int64_t s = 0; s < ranks; ++s)
            for (int64_t d = 0; d < ranks; ++d)
                if (kind == 0 || (kind == 1 && random() % 2) || (kind == 2 && d == favourite))
                    t.rows(s, d) = static_cast<int64_t>(random() % 30);
        return t;
    }
    std::vector<int64_t> send_offset(int64_t rank) const {
        std::vector<int64_t> offset{0};
        for (int64_t d = 0; d < rows.extent(1); ++d)
            offset.push_back(offset.back() + rows(rank, d));
        return offset;
    }
    std::vector<int64_t> receive_offset(int64_t rank) const {
        std::vector<int64_t> offset{0};
        for (int64_t s = 0; s < rows.extent(0); ++s)
            offset.push_back(offset.back() + rows(s, rank));
        return offset;
    }
    /// All bytes that a rank has for another, in order.
    std::vector<std::byte> block(int64_t source, int64_t destination, unsigned salt) const {
        std::mt19937 random(salt + static_cast<unsigned>(source * rows.extent(0) + destination));
        std::vector<std::byte> bytes(
            static_cast<std::size_t>(rows(source, destination) * row_bytes));
        for (auto& b : bytes) b = static_cast<std::byte>(random());
        return bytes;
    }
};

/// One rank that checks what it receives.
struct TrafficRank {
    explicit TrafficRank(Communicator const& c) : comm(c) {}

    void exchange(Transport& transport, Lane lane, Traffic const& traffic, unsigned salt) {
        int64_t const me = index(comm.rank()), ranks = comm.size();
        send.clear();
        for (int64_t d = 0; d < ranks; ++d) {
            auto const block = traffic.block(me, d, salt);
            send.insert(send.end(), block.begin(), block.end());
        }
        auto const* rows = transport.all_to_all_rows(lane, send.data(), traffic.send_offset(me),
                                                     traffic.receive_offset(me), traffic.row_bytes);
        std::vector<std::byte> expected;
        for (int64_t s = 0; s < ranks; ++s) {
            auto const block = traffic.block(s, me, salt);
            expected.insert(expected.end(), block.begin(), block.end());
        }
        EXPECT_EQ(std::vector<std::byte>(rows, rows + expected.size()), expected);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(rows) % 64, 0u);
    }

    Communicator const& comm;
    std::vector<std::byte> send;
};

/// Calls of the same and of other traffic, in all lanes, as one rank.
inline void repeated_calls(Transport& transport, Communicator const& comm, unsigned seed) {
    std::mt19937 random(seed);
    TrafficRank rank(comm);
    for (unsigned call = 0; call < 30; ++call) {
        auto const traffic = Traffic::random(comm.size(), random);
        auto const lane = static_cast<Lane>(random() % lane_count);
        auto const times = 1 + random() % 3;
        for (unsigned i = 0; i < times; ++i)
            rank.exchange(transport, lane, traffic, 1000 * call + i);
    }
}

}  // namespace epsim::test
