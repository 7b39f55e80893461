#include "exchange/mpi/shm_transport.hpp"

#include <algorithm>
#include <cstring>

#include "rows/streaming.hpp"

namespace epsim {
namespace {

constexpr int count_tag = 3;
constexpr int row_tag = 4;  // and one a lane

/// Between looks at messages, bytes.
constexpr int64_t piece = 1 << 20;

}  // namespace

ShmTransport::ShmTransport(Communicator const& comm, ClusterTopology const& topology)
    : comm_(comm),
      node_(comm, topology),
      messages_(comm),
      others_(ranks_of_other_nodes(topology, comm.rank())) {
    waiting_.reserve(node_.ranks().size());
}

void ShmTransport::all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) {
    for (int const rank : others_)
        messages_.receive(count_tag,
                          reinterpret_cast<std::byte*>(&receive[static_cast<std::size_t>(rank)]), 1,
                          sizeof(int32_t), rank);
    for (int const rank : others_)
        messages_.send(count_tag,
                       reinterpret_cast<std::byte const*>(&send[static_cast<std::size_t>(rank)]), 1,
                       sizeof(int32_t), rank);
    node_.all_to_all(send, receive, [&] { return messages_.test(); });
}

std::byte* ShmTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                         std::span<int64_t const> send_offset,
                                         std::span<int64_t const> receive_offset,
                                         int64_t row_bytes) {
    auto const count = [](std::span<int64_t const> offset, int rank) {
        auto const r = static_cast<std::size_t>(rank);
        return offset[r + 1] - offset[r];
    };
    auto const at = [&](std::span<int64_t const> offset, int rank) {
        return offset[static_cast<std::size_t>(rank)] * row_bytes;
    };
    int const tag = row_tag + static_cast<int>(lane);
    std::byte* const received = node_.open(lane, receive_offset, row_bytes);
    for (int const rank : others_)
        if (int64_t const n = count(receive_offset, rank))
            messages_.receive(tag, received + at(receive_offset, rank), n, row_bytes, rank);
    for (int const rank : others_)
        if (int64_t const n = count(send_offset, rank))
            messages_.send(tag, send + at(send_offset, rank), n, row_bytes, rank);

    auto const ranks = node_.ranks();
    auto const push = [&](std::byte* to, int rank, ShmNode::Copy copy) {
        std::byte const* rows = send + at(send_offset, rank);
        int64_t left = count(send_offset, rank) * row_bytes;
        bool const streams = ShmNode::streams(left, copy);
        for (; left > 0; left -= piece) {
            auto const bytes = static_cast<std::size_t>(std::min(left, piece));
            if (streams)
                stream_bytes(rows, to, static_cast<int64_t>(bytes));
            else
                std::memcpy(to, rows, bytes);
            to += bytes;
            rows += bytes;
            messages_.test();
        }
        if (streams) fence_streams();
    };
    int const self = index(comm_.rank()), places = static_cast<int>(ranks.size());
    auto const rank_at = [&](int place) { return ranks[static_cast<std::size_t>(place)]; };
    push(received + at(receive_offset, self), self, ShmNode::Copy::here);
    waiting_.clear();
    for (int i = 1; i < places; ++i) {
        int const place = (node_.place() + i) % places;
        if (count(send_offset, rank_at(place)) > 0) waiting_.push_back(place);
    }
    while (!waiting_.empty()) {
        auto next = waiting_.end();
        node_.wait([&] {
            messages_.test();
            next = std::ranges::find_if(waiting_,
                                        [&](int place) { return node_.is_open(lane, place); });
            return next != waiting_.end();
        });
        push(node_.target(lane, *next), rank_at(*next), ShmNode::Copy::to_peer);
        node_.close(lane, *next);
        waiting_.erase(next);
    }
    for (int i = 1; i < places; ++i) {
        int const place = (node_.place() + i) % places;
        if (count(receive_offset, rank_at(place)) == 0) continue;
        node_.wait([&] {
            messages_.test();
            return node_.is_closed(lane, place);
        });
    }
    if (!others_.empty()) node_.wait([&] { return messages_.test(); });
    return received;
}

}  // namespace epsim
