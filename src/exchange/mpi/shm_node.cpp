#include "exchange/mpi/shm_node.hpp"

#include <fmt/format.h>

#include <vector>

#include "device/host_memory.hpp"

namespace epsim {
namespace {

std::vector<int> nodes_of(ClusterTopology const& topology) {
    std::vector<int> nodes;
    for (int r = 0; r < topology.ranks(); ++r) nodes.push_back(topology.node_of(RankId{r}));
    return nodes;
}

}  // namespace

ShmNode::ShmNode(Communicator const& comm, ClusterTopology const& topology)
    : memory_(comm, nodes_of(topology), static_cast<int>(lane_count), sizeof(Letter)),
      // Messages ring no bell.
      look_again_(topology.nodes() > 1 ? std::chrono::microseconds(50)
                                       : std::chrono::milliseconds(100)) {}

/// Two slots by turns: a rank that has all counts of a call may post the next before others have
/// read these; it gets no further before they have, since it needs theirs.
void ShmNode::post_counts(std::span<int32_t const> send) {
    ++count_calls_;
    for (std::size_t p = 0; p < ranks().size(); ++p) {
        auto const place = static_cast<int>(p);
        auto const rows = static_cast<uint32_t>(send[static_cast<std::size_t>(ranks()[p])]);
        to(place).count[count_calls_ % 2].store((uint64_t{count_calls_} << 32) | rows);
        if (place != this->place()) memory_.ring(place);
    }
}

bool ShmNode::take_counts(std::span<int32_t> receive) {
    for (std::size_t p = 0; p < ranks().size(); ++p) {
        uint64_t const posted = from(static_cast<int>(p)).count[count_calls_ % 2].load();
        if (posted >> 32 != count_calls_) return false;
        receive[static_cast<std::size_t>(ranks()[p])] = static_cast<int32_t>(posted);
    }
    return true;
}

std::byte* ShmNode::own(Lane lane, int64_t bytes) {
    auto const segment = static_cast<int>(lane);
    auto const more = static_cast<double>(bytes - memory_.own_size(segment));
    if (more > 0)
        if (double const left = available_memory(); more > left)
            throw Error(fmt::format(
                "rows need {:.0f} bytes of memory more, {:.0f} are left on this host. Lower "
                "tokens.per_step or model.scale, or use more nodes",
                more, left));
    return memory_.own(segment, bytes);
}

std::byte* ShmNode::open(Lane lane, std::span<int64_t const> offset, int64_t row_bytes) {
    std::byte* const rows = own(lane, offset.back() * row_bytes);
    ++calls_[at(lane)];
    for (std::size_t p = 0; p < ranks().size(); ++p) {
        auto const place = static_cast<int>(p);
        auto const source = static_cast<std::size_t>(ranks()[p]);
        if (place == this->place() || offset[source] == offset[source + 1]) continue;
        auto& letter = to(place);
        letter.offset[at(lane)] = offset[source] * row_bytes;
        letter.open[at(lane)].store(call(lane));
        memory_.ring(place);
    }
    return rows;
}

std::vector<int> ranks_of_other_nodes(ClusterTopology const& topology, RankId mine) {
    std::vector<int> ranks;
    for (int i = 1; i < topology.ranks(); ++i) {
        RankId const other{(index(mine) + i) % topology.ranks()};
        if (topology.node_of(other) != topology.node_of(mine)) ranks.push_back(index(other));
    }
    return ranks;
}

}  // namespace epsim
