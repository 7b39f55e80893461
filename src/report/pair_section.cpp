#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/text.hpp"
#include "measure/link_health.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

constexpr int64_t matrix_ranks = 8;  // up to so many all pairs are shown, above the worst
constexpr std::size_t worst_shown = 10, named_shown = 16;

std::string class_table(RunRecord const& record, LinkHealth const& health,
                        ReportInput const& input) {
    Table table(
        {{"links", Align::left}, {"pairs"}, {"latency"}, {"slowest"}, {"bandwidth"}, {"slowest"}});
    for (auto const& link : health.typical) {
        auto const of = [&](char const* figure) {
            return input.value(fmt::format("pair_{}_{}", figure, link.name));
        };
        table.add({std::string(link.name), fmt::format("{}", link.pairs),
                   seconds_text(of("latency")), seconds_text(of("latency_max")),
                   format_si(of("bandwidth"), "B/s"), format_si(of("bandwidth_min"), "B/s")});
    }
    return table.text(input.style) +
           note(fmt::format("Typical and slowest pair of each class. Latency: half the fastest "
                            "round trip of {} B; bandwidth: {} one way.",
                            record.size.front(),
                            bytes_text(static_cast<double>(record.size.back()))),
                input.style);
}

/// [source, destination] of a size, in microseconds or GB/s.
std::string matrix(RunRecord const& record, ReportInput const& input, bool rates) {
    auto const ranks = record.link_seconds.extent(1);
    std::vector<Table::Column> columns{{rates ? "GB/s to" : "latency, us", Align::left}};
    for (int64_t to = 0; to < ranks; ++to) columns.push_back({fmt::format("{}", to)});
    Table table(std::move(columns));
    auto const large = static_cast<double>(record.size.back());
    for (int64_t from = 0; from < ranks; ++from) {
        std::vector<std::string> cells{fmt::format("rank {}", from)};
        for (int64_t to = 0; to < ranks; ++to) {
            double const s = record.link_seconds(rates ? 1 : 0, from, to);
            cells.push_back(
                std::isnan(s) ? "-" : fmt::format("{:.4g}", rates ? large / s * 1e-9 : s * 1e6));
        }
        table.add(std::move(cells));
    }
    return table.text(input.style);
}

/// The pairs with the longest times, relative to their class.
std::string worst_pairs(RunRecord const& record, LinkHealth const& health,
                        ReportInput const& input) {
    std::vector<std::tuple<double, int64_t, int64_t>> pairs;
    for (int64_t a = 0; a < health.ratio.extent(0); ++a)
        for (int64_t b = a + 1; b < health.ratio.extent(1); ++b)
            if (double const ratio = health.ratio(a, b); std::isfinite(ratio))
                pairs.emplace_back(-ratio, a, b);
    std::ranges::sort(pairs);
    Table table({{"slowest pairs", Align::left}, {"x typical"}, {"latency"}, {"to"}, {"fro"}});
    auto const rate = [&](int64_t from, int64_t to) {
        return format_si(static_cast<double>(record.size.back()) / record.link_seconds(1, from, to),
                         "B/s");
    };
    for (std::size_t i = 0; i < std::min(worst_shown, pairs.size()); ++i) {
        auto const [ratio, a, b] = pairs[i];
        table.add({fmt::format("ranks {}, {}", a, b), ratio_text(-ratio),
                   seconds_text(record.link_seconds(0, a, b)), rate(a, b), rate(b, a)});
    }
    return table.empty() ? "" : table.text(input.style);
}

std::string verdict(RunRecord const& record, LinkHealth const& health, TextStyle const& style) {
    auto const label = [](std::string const& text) { return text.empty() ? "verdict" : ""; };
    auto const more = [](std::size_t all) {
        return all > named_shown ? fmt::format("and {} more", all - named_shown) : "";
    };
    std::string text;
    if (record.topology.size() < 3)
        return fact("verdict", "none: one pair has no other to be compared with", style);
    if (health.healthy()) return fact("verdict", "nothing unusual", style);
    for (std::size_t i = 0; i < std::min(named_shown, health.ranks.size()); ++i) {
        auto const& sick = health.ranks[i];
        auto const& place = record.topology[static_cast<std::size_t>(sick.rank)];
        text += fact(
            label(text),
            fmt::format("rank {} ({}, node {}) is slow: {} of its {} pairs{}, {} x the "
                        "typical time",
                        sick.rank, printable(place.hostname, style.charset), place.node, sick.slow,
                        sick.pairs, sick.links == "all" ? "" : fmt::format(" by {}", sick.links),
                        ratio_text(sick.ratio)),
            style);
    }
    if (auto const rest = more(health.ranks.size()); !rest.empty()) text += fact("", rest, style);
    for (std::size_t i = 0; i < std::min(named_shown, health.links.size()); ++i) {
        auto const& sick = health.links[i];
        text += fact(label(text),
                     fmt::format("the link of ranks {} and {} is slow: {} x the typical time",
                                 sick.first, sick.second, ratio_text(sick.ratio)),
                     style);
    }
    if (auto const rest = more(health.links.size()); !rest.empty()) text += fact("", rest, style);
    return text;
}

}  // namespace

std::string pair_section(ReportInput const& input) {
    auto const& record = input.record;
    if (!is_pair_map(record)) return "";
    auto const health = diagnose_links(record.link_seconds, nodes_of_ranks(record));
    bool const few = std::ssize(record.topology) <= matrix_ranks;
    return paragraphs(
        {class_table(record, health, input), few ? matrix(record, input, false) : "",
         few ? matrix(record, input, true) : worst_pairs(record, health, input),
         verdict(record, health, input.style) +
             note(fmt::format("Slow: over {} x the typical time of the class and {} us longer, at "
                              "either size. A rank: {:.0f} % of its pairs or more; the best of all "
                              "passes counts.",
                              slow_factor, slow_excess_s * 1e6, 100 * sick_share),
                  input.style)});
}

}  // namespace epsim
