#include "app/trace_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/trace_command.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

std::string number(double value, int decimals) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : "-";
}

std::string header(std::string const& path, TraceInfo const& info, TextStyle const& style) {
    std::string text = fact("trace", path, style);
    text += fact("routing", describe(info), style);
    text += fact("origin", info.origin, style);
    if (!info.producer.empty()) text += fact("producer", info.producer, style);
    if (!info.source.empty()) text += fact("source", info.source, style);
    if (!info.model.empty()) text += fact("model", info.model, style);
    text += fact("sources", std::to_string(info.source_count), style);
    text += fact("sequences",
                 info.sequence_offset.empty() ? "not recorded"
                                              : std::to_string(info.sequence_offset.size() - 1),
                 style);
    text += fact("gate weights", info.has_weights ? "recorded" : "not recorded", style);
    return text;
}

constexpr std::size_t eps_a_table = 4;  // that fit 100 columns beside the experts' figures

/// What a row says: of a layer, or the mean over layers.
struct Row {
    std::string layer, busiest, idle, pair;
    double max_over_mean, cv, busiest_share, reuse, coactivation, lift, step_change, half_change;
    std::vector<RankSkew> ranks;
};

Row row_of(LayerFigures const& layer) {
    auto const& pair = layer.strongest;
    return {std::to_string(layer.layer),
            std::to_string(layer.hottest.front()),
            std::to_string(layer.experts.idle),
            pair.tokens > 0 ? fmt::format("{}+{}", pair.first, pair.second) : "-",
            layer.experts.max_over_mean,
            layer.experts.cv,
            layer.experts.busiest_share,
            layer.counts.reuse(),
            layer.coactivation,
            pair.lift,
            layer.step_change,
            layer.half_change,
            layer.ranks};
}

Row mean_of(std::span<Row const> rows) {
    Row mean{"mean", "", "", "", 0, 0, 0, 0, 0, 0, 0, 0, rows[0].ranks};
    auto const average = [&](auto const& field) {
        double sum = 0;
        for (auto const& row : rows) sum += field(row);
        return sum / static_cast<double>(rows.size());
    };
    for (auto const member : {&Row::max_over_mean, &Row::cv, &Row::busiest_share, &Row::reuse,
                              &Row::coactivation, &Row::lift, &Row::step_change, &Row::half_change})
        mean.*member = average([&](Row const& row) { return row.*member; });
    for (std::size_t i = 0; i < mean.ranks.size(); ++i)
        for (auto const member : {&RankSkew::by_step, &RankSkew::whole, &RankSkew::distinct_ranks,
                                  &RankSkew::distinct_nodes})
            mean.ranks[i].*member = average([&](Row const& row) { return row.ranks[i].*member; });
    return mean;
}

/// What tokens and steps have in common, and what deduplication of rows could save.
std::string sharing_table(std::span<Row const> rows, std::size_t first, bool many_steps,
                          TextStyle const& style) {
    std::vector<Table::Column> columns{{"layer"}};
    if (first == 0) columns.insert(columns.end(), {{"pairs"}, {"strongest"}, {"lift"}});
    if (first == 0 && many_steps) columns.insert(columns.end(), {{"change"}, {"halves"}});
    auto const eps = [&](Row const& row) {
        return std::span(row.ranks).subspan(first).first(
            std::min(eps_a_table, row.ranks.size() - first));
    };
    for (auto const& r : eps(rows[0])) columns.push_back({fmt::format("EP{}", r.ranks)});
    Table result(std::move(columns));
    for (auto const& row : rows) {
        std::vector<std::string> cells{row.layer};
        if (first == 0)
            cells.insert(cells.end(), {number(row.coactivation, 3), row.pair, number(row.lift, 2)});
        if (first == 0 && many_steps)
            cells.insert(cells.end(), {number(row.step_change, 3), number(row.half_change, 3)});
        for (auto const& r : eps(row))
            cells.push_back(number(r.distinct_ranks, 2) + "/" + number(r.distinct_nodes, 2));
        result.add(std::move(cells));
    }
    return result.text(style);
}

/// A row a layer with some of the EP sizes; the first table has the experts' figures too.
std::string table(std::span<Row const> rows, std::size_t first, bool many_steps,
                  TextStyle const& style) {
    std::vector<Table::Column> columns{{"layer"}};
    if (first == 0)
        columns.insert(columns.end(),
                       {{"max/mean"}, {"CV"}, {"busiest"}, {"share"}, {"idle"}, {"reuse"}});
    auto const eps = [&](Row const& row) {
        return std::span(row.ranks).subspan(first).first(
            std::min(eps_a_table, row.ranks.size() - first));
    };
    for (auto const& r : eps(rows[0])) columns.push_back({fmt::format("EP{}", r.ranks)});
    Table result(std::move(columns));
    for (auto const& row : rows) {
        std::vector<std::string> cells{row.layer};
        if (first == 0)
            cells.insert(cells.end(), {number(row.max_over_mean, 2), number(row.cv, 2), row.busiest,
                                       number(100 * row.busiest_share, 1) + " %", row.idle,
                                       number(row.reuse, 3)});
        for (auto const& r : eps(row))
            cells.push_back((many_steps ? number(r.by_step, 2) + "/" : "") + number(r.whole, 2));
        result.add(std::move(cells));
    }
    return result.text(style);
}

}  // namespace

std::string trace_text(std::string const& path, TraceInfo const& info,
                       std::span<LayerFigures const> layers, FigureSizes const& sizes,
                       TextStyle const& style) {
    bool const many_steps = info.steps() > 1;
    std::string out = header(path, info, style);
    std::vector<Row> rows;
    for (auto const& layer : layers) rows.push_back(row_of(layer));
    if (rows.empty()) return out;
    if (rows.size() > 1) rows.push_back(mean_of(rows));
    for (std::size_t first = 0; first == 0 || first < rows[0].ranks.size(); first += eps_a_table)
        out += '\n' + table(rows, first, many_steps, style);
    double const independent = static_cast<double>(info.top_k) / info.num_experts;
    out += '\n' + note(fmt::format("max/mean, CV: of the experts' assignments. reuse: share of a "
                                   "token's experts that its predecessor in the {} chose too "
                                   "(independent uniform tokens: {:.3f}).",
                                   info.sequence_offset.empty() ? "step" : "sequence", independent),
                       style);
    out += note(fmt::format("EPn: max/mean of the assignments that n ranks receive, experts placed "
                            "linearly{}.",
                            many_steps ? ": waiting for the busiest rank at every step / summed "
                                         "over all steps"
                                       : ""),
                style);
    for (std::size_t first = 0; first == 0 || first < rows[0].ranks.size(); first += eps_a_table)
        out += '\n' + sharing_table(rows, first, many_steps, style);
    out += '\n' + note(fmt::format("pairs: distance of the co-activated pairs from independent "
                                   "choice (0 to 1); strongest: the most frequent pair, lift: "
                                   "times what independent choice lets expect.{}",
                                   many_steps ? " change, halves: distance of the experts' shares "
                                                "from step to step, and of the second half of the "
                                                "steps from the first."
                                              : ""),
                       style);
    out += note(fmt::format("EPn here: distinct ranks / nodes (of {} ranks) that a token's {} "
                            "experts are on: the rows that it needs with dedup = rank / node, "
                            "instead of {}.",
                            sizes.ranks_per_node, info.top_k, info.top_k),
                style);
    return out;
}

}  // namespace epsim
