#include "app/calibration_text.hpp"

#include <fmt/format.h>

#include <cmath>

#include "cluster/ceiling_figures.hpp"
#include "cluster/cluster_topology.hpp"
#include "core/text.hpp"
#include "measure/statistics.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t ranks_shown = 16;

std::string ceiling_table(CalibrationRecord const& record, TextStyle const& style) {
    Table table({{"ceilings", Align::left},
                 {"read"},
                 {"write"},
                 {"memcpy"},
                 {"streaming copy"},
                 {"fp32"},
                 {"bf16"}});
    auto const add = [&](std::string name, Ceilings const& of) {
        std::vector<std::string> cells{std::move(name)};
        for (auto const& figure : ceiling_figures)
            cells.push_back(format_si(of.*figure.value, figure.unit));
        table.add(std::move(cells));
    };
    auto const& c = record.calibration;
    for (std::size_t n = 0; n < c.node.size(); ++n) add(fmt::format("node {}", n), c.node[n]);
    for (std::size_t r = 0; r < std::min(ranks_shown, c.rank.size()); ++r)
        add(fmt::format("rank {}", r), c.rank[r]);
    auto text = table.text(style);
    if (c.rank.size() > ranks_shown)
        text += note(fmt::format("... and {} more ranks", c.rank.size() - ranks_shown), style);
    return text + note(fmt::format("Best seen. A rank: alone, of {} repetitions; a node: all its "
                                   "ranks at once, of {}. Copies: bytes of payload.",
                                   c.rank_repetitions, c.node_repetitions),
                       style);
}

LinkClass link(CalibrationRecord const& record, std::size_t from, std::size_t to) {
    if (from == to) return LinkClass::self;
    bool const near = record.topology[from].node == record.topology[to].node;
    return near ? LinkClass::node : LinkClass::network;
}

/// [pairs] of a class and a size that were measured, s
std::vector<double> seconds_of(CalibrationRecord const& record, LinkClass of, std::size_t size) {
    std::vector<double> seconds;
    for (std::size_t low = 0; low < record.topology.size(); ++low)
        for (std::size_t high = low; high < record.topology.size(); ++high)
            if (double const s = record.calibration.link_seconds(size, low, high);
                link(record, low, high) == of && !std::isnan(s))
                seconds.push_back(s);
    return seconds;
}

std::string link_table(CalibrationRecord const& record, TextStyle const& style) {
    std::vector<Table::Column> columns{{"message"}};
    std::vector<LinkClass> classes;
    for (std::size_t c = 0; c < link_class_count; ++c) {
        if (seconds_of(record, static_cast<LinkClass>(c), 0).empty()) continue;
        classes.push_back(static_cast<LinkClass>(c));
        columns.push_back({fmt::format("{}: time", link_class_names[c])});
        columns.push_back({"rate"});
    }
    Table table(std::move(columns));
    auto const& sizes = record.calibration.size;
    for (std::size_t z = 0; z < sizes.size(); ++z) {
        auto const bytes = static_cast<double>(sizes[z]);
        std::vector<std::string> cells{format_bytes(bytes)};
        for (auto const of : classes) {
            double const seconds = median(seconds_of(record, of, z));
            cells.push_back(format_si(seconds, "s"));
            cells.push_back(format_si(bytes / seconds, "B/s"));
        }
        table.add(std::move(cells));
    }
    return table.text(style) + note(
                                   "One way, half the fastest round trip; median over pairs of "
                                   "ranks. Self: a memcpy, from cache where it fits.",
                                   style);
}

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}

void add_ceilings(Json& json, Ceilings const& of) {
    for (auto const& figure : ceiling_figures)
        json[std::string(figure.name)] = number(of.*figure.value);
}

}  // namespace

std::string calibration_text(CalibrationRecord const& record, TextStyle const& style) {
    auto const head =
        fmt::format("Calibration ({}, {}), {} ranks on {} node{}\n\n", record.mode, record.kind,
                    record.topology.size(), record.calibration.node.size(),
                    record.calibration.node.size() == 1 ? "" : "s");
    return head + ceiling_table(record, style) + "\n" + link_table(record, style);
}

Json calibration_json(CalibrationRecord const& record) {
    auto const& c = record.calibration;
    Json json{{"schema", calibration_schema},
              {"date", record.date},
              {"software_version", record.software_version},
              {"git_sha", record.git_sha},
              {"git_dirty", record.git_dirty},
              {"kind", record.kind},
              {"mode", record.mode},
              {"rank_repetitions", c.rank_repetitions},
              {"node_repetitions", c.node_repetitions},
              {"provenance", record.provenance}};
    for (std::size_t r = 0; r < c.rank.size(); ++r) {
        Json rank{{"host", record.topology[r].hostname}, {"node", record.topology[r].node}};
        add_ceilings(rank, c.rank[r]);
        json["rank"].push_back(std::move(rank));
    }
    for (auto const& ceilings : c.node) {
        Json node;
        add_ceilings(node, ceilings);
        json["node"].push_back(std::move(node));
    }
    json["size"] = c.size;
    for (int64_t z = 0; z < std::ssize(c.size); ++z) {
        auto& of_size = json["link_seconds"].emplace_back(Json::array());
        for (int64_t from = 0; from < c.link_seconds.extent(1); ++from) {
            auto& of_source = of_size.emplace_back(Json::array());
            for (int64_t to = 0; to < c.link_seconds.extent(2); ++to)
                of_source.push_back(number(c.link_seconds(z, from, to)));
        }
    }
    return json;
}

}  // namespace epsim
