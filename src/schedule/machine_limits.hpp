#pragma once

#include <array>
#include <span>
#include <vector>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"
#include "measure/phase.hpp"
#include "schedule/exchange_schedule.hpp"
#include "schedule/link_line.hpp"
#include "schedule/lower_bound.hpp"

namespace epsim {

/// What one rank does by itself in a phase, at least.
struct LocalWork {
    double flops = 0;
    double read_bytes = 0, write_bytes = 0;  ///< every byte once
};

/// What every exchange has to move, whatever its algorithm: bytes of rows that travel once.
struct LeastTraffic {
    Array<int64_t, 2> rank;  ///< [token's rank, other rank] a row for each token that needs it
    Array<int64_t, 2>
        node;  ///< [token's rank, node] a row for each token that needs any rank there
};

/// Lower bounds of phases on a machine: the longest of alpha + load / ceiling over its resources
/// (Resource). None is more than what a right measurement can reach:
/// - Memory: of what a phase reads, as much as the caches hold may lie there before it; of what it
///   writes, as much may still lie there after it. Only the rest counts, against the largest sum of
///   reads and writes a second that any of the node's memory tests reached.
/// - Inside a node the receiver copies every message (some transports have the sender copy it
///   too): its port counts. Over the network both ports do. A node has the sum of its ranks' ports.
/// - A node can do at least what one of its ranks can: where a disturbed measurement says less, the
///   rank's counts. Of a rank that has a node to itself both are measurements.
/// - Copies to oneself are memory traffic, no messages; so are copies into memory that ranks of a
///   node share, of the rank that copies.
/// - What everybody gets may come from whoever has it, over any link, and each node needs it once;
///   its copies at the receivers are memory traffic, their reads may find it in a cache.
class MachineLimits {
public:
    /// \param cache_bytes of all caches of a host; 0 = unknown: then memory bounds nothing
    MachineLimits(ClusterTopology topology, Calibration const& measured, double cache_bytes);

    /// T_lb of an exchange as its algorithm does it.
    LowerBound exchange(ExchangeSchedule const& schedule) const;
    /// T_lb* of an exchange: of the side that each row must reach (dispatch), or that each partial
    /// sum must leave (combine). The other side may be helped by ranks that forward, and ranks of a
    /// node may share memory. Never above
    /// exchange() of a schedule that moves as much, but by rounding.
    LowerBound least_exchange(LeastTraffic const& bytes, Direction direction) const;
    /// T_lb of work without messages. \param work [R]   \param type of the products
    LowerBound local(std::span<LocalWork const> work, DType type) const;

private:
    LowerBound gathered(ExchangeSchedule const& schedule) const;

    /// What comes in and goes out of each rank, or each node, over links of one class.
    struct Ports {
        std::vector<LinkLine> in, out;
    };
    using PortsOfClass = std::array<Ports, link_class_count>;

    std::size_t node_of(std::size_t rank) const {
        return static_cast<std::size_t>(topology_.node_of(RankId{static_cast<int32_t>(rank)}));
    }
    LinkClass link(std::size_t from, std::size_t to) const {
        return topology_.link(RankId{static_cast<int32_t>(from)}, RankId{static_cast<int32_t>(to)});
    }
    void level_ceilings();
    void fill_ports();
    double memory_seconds(Ceilings const& ceilings, double read, double write) const;
    std::vector<LocalWork> node_sums(std::span<LocalWork const> work) const;

    ClusterTopology topology_;
    std::vector<Ceilings> rank_, node_;
    double cache_bytes_;
    Array<LinkLine, 2> links_;
    PortsOfClass rank_ports_, node_ports_;
};

}  // namespace epsim
