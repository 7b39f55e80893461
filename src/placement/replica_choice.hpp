#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "model/names.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// Which replica of its expert a token goes to.
enum class ReplicaChoice {
    round_robin,  ///< token t of the rank's batch: the (t mod n)-th
    nearest,      ///< of its rank, else of its node, else any; of several in turn
    hash,         ///< by a hash of the token's position
    random,       ///< drawn a token and expert
    least_loaded  ///< the rank that this batch of the own rank has sent least to
};
template <>
inline constexpr std::array<std::string_view, 5> enum_names<ReplicaChoice>{
    "round-robin", "nearest", "hash", "random", "least-loaded"};

/// Chooses replicas for the tokens of one rank, by what that rank knows alone. What it chooses is a
/// function of the batch and the range. Once warm it allocates nothing. Not thread-safe.
class ReplicaChooser {
public:
    /// \param placement must outlive it
    ReplicaChooser(Placement const& placement, ClusterTopology const& topology, RankId source,
                   ReplicaChoice choice);

    Placement const& placement() const noexcept { return *placement_; }
    /// From now on another placement of the same slots, experts and layers; it must outlive this.
    void follow(Placement const& placement, ClusterTopology const& topology);
    /// The slots that serve the tokens of a range of a batch of the rank. Reuses `out`'s memory.
    void choose(RoutingBatch const& routing, TokenRange tokens, LayerId layer, SlotRouting& out);
    void choose(RoutingBatch const& routing, LayerId layer, SlotRouting& out) {
        choose(routing, {0, routing.tokens()}, layer, out);
    }

private:
    std::span<SlotId const> candidates(LayerId layer, ExpertId expert) const {
        auto const at = static_cast<std::size_t>(index(layer)) * experts_ +
                        static_cast<std::size_t>(index(expert));
        return std::span(slot_).subspan(static_cast<std::size_t>(first_[at]),
                                        static_cast<std::size_t>(first_[at + 1] - first_[at]));
    }
    SlotId pick(std::span<SlotId const> from, std::size_t token, ExpertId expert, LayerId layer);

    Placement const* placement_;
    RankId source_;
    ReplicaChoice choice_;
    std::size_t experts_;
    std::vector<int32_t> first_;  // [L E + 1] into slot_
    std::vector<SlotId> slot_;    // those to choose from, by layer and expert
    std::vector<int64_t> sent_;   // [R] of least_loaded: assignments of the batch so far
};

/// Of several slots those nearest to a rank: its own, else its node's, else all. Appended to `out`.
void append_nearest(Placement const& placement, ClusterTopology const& topology, RankId rank,
                    std::span<SlotId const> slots, std::vector<SlotId>& out);

}  // namespace epsim
