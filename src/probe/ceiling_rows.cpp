#include "probe/ceiling_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cluster/ceiling_figures.hpp"
#include "measure/statistics.hpp"

namespace epsim {
namespace {

std::vector<double> column(std::vector<Ceilings> const& ceilings, double Ceilings::*value) {
    std::vector<double> values;
    for (auto const& one : ceilings) values.push_back(one.*value);
    return values;
}

void add_ceilings(std::vector<Ceilings> const& best, std::vector<Ceilings> const& least,
                  int repetitions, char const* whose, char const* how,
                  std::vector<SummaryRow>& rows) {
    for (auto const& figure : ceiling_figures) {
        auto const values = column(best, figure.value);
        rows.push_back({fmt::format("{}_{}", figure.name, whose), median(values),
                        std::string(figure.unit), std::ranges::min(column(least, figure.value)),
                        std::ranges::max(values), repetitions * std::ssize(values),
                        fmt::format("{}; {}", figure.how, how)});
    }
}

/// [pairs] of a class, s
std::vector<double> seconds_of(Calibration const& calibration, ClusterTopology const& topology,
                               LinkClass link, int64_t size) {
    std::vector<double> seconds;
    auto const& all = calibration.link_seconds;
    for (int32_t low = 0; low < all.extent(1); ++low)
        for (int32_t high = low; high < all.extent(2); ++high)
            if (double const s = all(size, low, high);
                topology.link(RankId{low}, RankId{high}) == link && !std::isnan(s))
                seconds.push_back(s);
    return seconds;
}

}  // namespace

std::vector<SummaryRow> ceiling_rows(Calibration const& calibration,
                                     ClusterTopology const& topology) {
    std::vector<SummaryRow> rows;
    if (calibration.empty()) return rows;
    add_ceilings(calibration.rank, calibration.rank_least, calibration.rank_repetitions, "rank",
                 "one rank alone, best of its repetitions, median over ranks; range over all",
                 rows);
    add_ceilings(
        calibration.node, calibration.node_least, calibration.node_repetitions, "node",
        "all ranks of a node at once, summed, best of the repetitions (or one rank alone, if that "
        "is more), median over nodes; "
        "range over all",
        rows);
    for (std::size_t c = 0; c < link_class_count; ++c) {
        auto const link = static_cast<LinkClass>(c);
        auto const* what =
            link == LinkClass::self ? "memcpy" : "message, half the fastest round trip";
        auto const add = [&](char const* name, std::vector<double> const& values, char const* unit,
                             int64_t bytes) {
            rows.push_back(
                {fmt::format("{}_{}", name, link_class_names[c]), median(values), unit,
                 std::ranges::min(values), std::ranges::max(values), std::ssize(values),
                 fmt::format("{} of {} bytes, median over pairs; range over pairs", what, bytes)});
        };
        auto smallest = seconds_of(calibration, topology, link, 0);
        if (smallest.empty()) continue;
        add("latency", smallest, "s", calibration.size.front());
        auto rates = seconds_of(calibration, topology, link, std::ssize(calibration.size) - 1);
        for (double& s : rates) s = static_cast<double>(calibration.size.back()) / s;
        add("bandwidth", rates, "B/s", calibration.size.back());
    }
    return rows;
}

}  // namespace epsim
