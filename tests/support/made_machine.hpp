#pragma once

#include <random>

#include "cluster/calibration.hpp"
#include "cluster/cluster_topology.hpp"

namespace epsim::test {

/// Ceilings of one rank, or one node, all the same.
inline Ceilings ceilings(double memory, double flops) {
    return {memory, memory / 2, memory / 2, memory / 2, flops, 2 * flops};
}

/// A machine whose messages take alpha + bytes / bandwidth: by [source, destination].
struct AffineLinks {
    Array<double, 2> alpha, bandwidth;

    AffineLinks(int ranks, double a, double b)
        : alpha({ranks, ranks}, a), bandwidth({ranks, ranks}, b) {}

    /// Every link its own.
    static AffineLinks random(int ranks, std::mt19937& rng) {
        AffineLinks links(ranks, 0, 0);
        for (auto& a : links.alpha.flat()) a = std::uniform_real_distribution(1e-7, 1e-5)(rng);
        for (auto& b : links.bandwidth.flat()) b = std::uniform_real_distribution(1e8, 1e10)(rng);
        return links;
    }
    double seconds(int from, int to, double bytes) const {
        return alpha(from, to) + bytes / bandwidth(from, to);
    }
};

/// What a perfect measurement of the links says.
inline Calibration calibrate(AffineLinks const& links, ClusterTopology const& topology,
                             Ceilings const& rank, Ceilings const& node) {
    int const ranks = topology.ranks();
    Calibration measured;
    measured.rank.assign(static_cast<std::size_t>(ranks), rank);
    measured.node.assign(static_cast<std::size_t>(topology.nodes()), node);
    measured.size = {8, 4096, int64_t{1} << 22, int64_t{1} << 30};
    measured.link_seconds = Array<double, 3>({4, ranks, ranks});
    for (int z = 0; z < 4; ++z)
        for (int from = 0; from < ranks; ++from)
            for (int to = 0; to < ranks; ++to)
                measured.link_seconds(z, from, to) = links.seconds(
                    from, to, static_cast<double>(measured.size[static_cast<std::size_t>(z)]));
    return measured;
}

/// 1 to 7 ranks spread over 1 to 4 nodes anyhow.
inline ClusterTopology random_topology(std::mt19937& rng) {
    std::vector<std::string> hosts(1 + rng() % 7);
    for (auto& host : hosts) host = std::string(1, static_cast<char>('a' + rng() % 4));
    return ClusterTopology::by_host(hosts);
}

}  // namespace epsim::test
