#pragma once

#include <array>
#include <atomic>
#include <span>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "comm/node_memory.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// How the ranks of a node hand rows to each other without messages. Each owns a segment a lane.
/// In a call of a lane the receiver opens its segment to those who have rows for it, each of them
/// writes its rows there and closes, and the receiver waits until all have closed: a call leaves
/// nothing behind that the next could meet. Ranks of the node are counted by their place in it,
/// other arrays by rank of the communicator.
class ShmNode {
public:
    /// Collective over `comm`. \throws CollectiveError if a node's ranks cannot share memory
    ShmNode(Communicator const& comm, ClusterTopology const& topology);

    /// Whether a copy of so many bytes is faster past the caches. To another core, lines that it
    /// has read before have to be fetched from it to be written, one after the other: that is
    /// slower for all but the smallest. What stays here is read again from where it fits.
    enum class Copy { here, to_peer };
    static bool streams(int64_t bytes, Copy copy) noexcept {
        return bytes >= (copy == Copy::here ? 8 << 20 : 2 << 10);
    }

    std::span<int const> ranks() const noexcept { return memory_.ranks(); }
    int place() const noexcept { return memory_.place(); }

    /// receive[s] on rank r = send[r] on rank s, for the ranks of the node. Collective over them.
    /// \param meanwhile called now and then; true = what it is about is done, too
    template <class Meanwhile>
    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive,
                    Meanwhile&& meanwhile) {
        post_counts(send);
        wait([&] { return meanwhile() && take_counts(receive); });
    }

    /// Begin a call of a lane, and let the sources of the node write rows here.
    /// \param offset [R + 1] of each source's rows, in rows \return row 0 of this rank
    std::byte* open(Lane lane, std::span<int64_t const> offset, int64_t row_bytes);
    /// Whether the rank at `place` has opened its segment in this call.
    bool is_open(Lane lane, int place) { return reached(from(place).open[at(lane)], lane); }
    /// Where this rank's rows go there.
    std::byte* target(Lane lane, int place) {
        return memory_.of(place, static_cast<int>(lane)) + from(place).offset[at(lane)];
    }
    /// This rank's rows are there.
    void close(Lane lane, int place) {
        to(place).closed[at(lane)].store(call(lane));
        memory_.ring(place);
    }
    bool is_closed(Lane lane, int place) { return reached(from(place).closed[at(lane)], lane); }

    /// This rank's segment of a lane that nobody has opened or reads, and what a peer finds there.
    /// \throws Error where too little memory is left to grow it
    std::byte* own(Lane lane, int64_t bytes);
    std::byte* of(Lane lane, int place) { return memory_.of(place, static_cast<int>(lane)); }

    /// Until `ready()`, which may also test messages.
    template <class Ready>
    void wait(Ready&& ready) {
        memory_.wait(look_again_, ready);
    }

private:
    /// All that one rank tells another of its node, in memory of the reader: a cache line that one
    /// writes and one reads.
    struct alignas(64) Letter {
        std::array<std::atomic<uint64_t>, 2> count;  ///< number of the call << 32 | rows
        std::array<std::atomic<uint32_t>, lane_count> open, closed;  ///< number of the call
        std::array<int64_t, lane_count> offset;                      ///< bytes, with `open`
    };

    static std::size_t at(Lane lane) { return static_cast<std::size_t>(lane); }
    uint32_t call(Lane lane) const { return calls_[at(lane)]; }
    bool reached(std::atomic<uint32_t> const& number, Lane lane) const {
        return static_cast<int32_t>(number.load() - call(lane)) >= 0;
    }
    Letter& from(int place) { return letters(memory_.place())[place]; }
    Letter& to(int place) { return letters(place)[memory_.place()]; }
    Letter* letters(int place) { return reinterpret_cast<Letter*>(memory_.control(place)); }
    void post_counts(std::span<int32_t const> send);
    bool take_counts(std::span<int32_t> receive);

    NodeMemory memory_;
    std::chrono::nanoseconds look_again_;
    uint32_t count_calls_ = 0;
    std::array<uint32_t, lane_count> calls_{};
};

/// From this rank's on, in a circle.
std::vector<int> ranks_of_other_nodes(ClusterTopology const& topology, RankId mine);

}  // namespace epsim
