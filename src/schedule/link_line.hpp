#pragma once

#include <limits>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"

namespace epsim {

/// Least time of bytes over something: alpha + bytes / bandwidth.
struct LinkLine {
    double alpha = std::numeric_limits<double>::quiet_NaN();     ///< s; NaN = not known
    double bandwidth = std::numeric_limits<double>::infinity();  ///< B/s

    /// s; NaN if not known
    double seconds(double bytes) const { return alpha + bytes / bandwidth; }
};

/// The best of both: the smaller alpha, the larger bandwidth; an unknown one counts for nothing.
LinkLine faster(LinkLine a, LinkLine b);

/// Both at the same time: what they carry together; an unknown one counts for nothing.
LinkLine together(LinkLine a, LinkLine b);

/// [source, destination] the line through the smallest message that lies under every size which
/// took at least twice as long (below that, differences between sizes are noise): no such message
/// is bounded by more than it took. A pair that was not measured has the best of its class of link.
/// The diagonal is not known: a copy is no message.
Array<LinkLine, 2> link_lines(Calibration const& measured, ClusterTopology const& topology);

}  // namespace epsim
