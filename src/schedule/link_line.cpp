#include "schedule/link_line.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace epsim {
namespace {

LinkLine fit(Calibration const& measured, int from, int to) {
    LinkLine line;
    double first_size = 0, first = 0, bandwidth = 0;
    for (std::size_t z = 0; z < measured.size.size(); ++z) {
        double const t = measured.link_seconds(z, from, to);
        auto const size = static_cast<double>(measured.size[z]);
        if (!std::isfinite(t)) continue;
        if (std::isnan(line.alpha)) {
            first_size = size;
            first = line.alpha = t;
        } else if (t > first && t >= 2 * first) {
            bandwidth = std::max(bandwidth, (size - first_size) / (t - first));
        }
    }
    if (bandwidth > 0) line = {std::max(0.0, first - first_size / bandwidth), bandwidth};
    return line;
}

}  // namespace

LinkLine faster(LinkLine a, LinkLine b) {
    if (std::isnan(a.alpha)) return b;
    if (std::isnan(b.alpha)) return a;
    return {std::min(a.alpha, b.alpha), std::max(a.bandwidth, b.bandwidth)};
}

LinkLine together(LinkLine a, LinkLine b) {
    if (std::isnan(a.alpha)) return b;
    if (std::isnan(b.alpha)) return a;
    return {std::min(a.alpha, b.alpha), a.bandwidth + b.bandwidth};
}

Array<LinkLine, 2> link_lines(Calibration const& measured, ClusterTopology const& topology) {
    int const ranks = topology.ranks();
    Array<LinkLine, 2> lines({ranks, ranks});
    std::array<LinkLine, link_class_count> best;
    auto const best_of = [&](int from, int to) -> LinkLine& {
        return best[static_cast<std::size_t>(topology.link(RankId{from}, RankId{to}))];
    };
    auto const over_pairs = [&](auto&& visit) {
        for (int from = 0; from < ranks; ++from)
            for (int to = 0; to < ranks; ++to)
                if (from != to) visit(from, to);
    };
    over_pairs([&](int from, int to) {
        lines(from, to) = fit(measured, from, to);
        best_of(from, to) = faster(best_of(from, to), lines(from, to));
    });
    over_pairs([&](int from, int to) {
        if (std::isnan(lines(from, to).alpha)) lines(from, to) = best_of(from, to);
    });
    return lines;
}

}  // namespace epsim
