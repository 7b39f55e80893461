#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/link_health.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr std::size_t most_named = 64;  // ranks and links that get a row of their own

/// The longest time of a size over the pairs of a class, s.
double slowest(RunRecord const& record, int64_t size, std::string_view name) {
    double most = std::numeric_limits<double>::quiet_NaN();
    auto const node = nodes_of_ranks(record);
    for (int64_t a = 0; a < std::ssize(node); ++a)
        for (int64_t b = 0; b < std::ssize(node); ++b) {
            double const s = record.link_seconds(size, a, b);
            bool const near =
                node[static_cast<std::size_t>(a)] == node[static_cast<std::size_t>(b)];
            if (a != b && near == (name == "node")) most = std::fmax(most, s);
        }
    return most;
}

}  // namespace

void summarise_pairs(RunRecord const& record, SummaryRows& rows) {
    auto const health = diagnose_links(record.link_seconds, nodes_of_ranks(record));
    auto const large = static_cast<double>(record.size.back());
    for (auto const& link : health.typical) {
        auto const add = [&](char const* figure, double value, char const* unit, char const* how) {
            rows.add(fmt::format("pair_{}_{}", figure, link.name), value, unit, link.pairs, how);
        };
        add("latency", link.seconds[0], "s",
            "half the fastest round trip of the small message, of a typical pair: lower median "
            "over ranks of each rank's lower median over its pairs of the class");
        add("latency_max", slowest(record, 0, link.name), "s", "the same of the slowest pair");
        add("bandwidth", large / link.seconds[1], "B/s",
            "bytes of the large message / its least time one way, of a typical pair");
        add("bandwidth_min", large / slowest(record, 1, link.name), "B/s",
            "the same of the slowest pair and direction");
    }
    rows.add("sick_ranks", static_cast<double>(health.ranks.size()), "1",
             std::ssize(record.topology),
             fmt::format("ranks with {:.0f} % or more of their pairs slow: over {} x the typical "
                         "time of the class, and {} us longer",
                         100 * sick_share, slow_factor, slow_excess_s * 1e6));
    rows.add("sick_links", static_cast<double>(health.links.size()), "1",
             std::ssize(record.topology), "slow pairs of ranks that are not sick");
    for (std::size_t i = 0; i < std::min(most_named, health.ranks.size()); ++i) {
        auto const& sick = health.ranks[i];
        rows.add(fmt::format("sick_rank_{}", sick.rank), sick.ratio, "1", sick.slow,
                 fmt::format("time / typical time, median over its slow pairs: {} of {} ({})",
                             sick.slow, sick.pairs, sick.links));
    }
    for (std::size_t i = 0; i < std::min(most_named, health.links.size()); ++i) {
        auto const& sick = health.links[i];
        rows.add(fmt::format("sick_link_{}_{}", sick.first, sick.second), sick.ratio, "1", 1,
                 "time / typical time, of the worse size and direction");
    }
}

}  // namespace epsim
