#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "report/comparison_formats.hpp"

namespace epsim {
namespace {

using nlohmann::json;

json number(double value) {
    return std::isfinite(value) ? json(value) : json(nullptr);
}

json numbers(std::vector<double> const& values) {
    json result = json::array();
    for (double const value : values) result.push_back(number(value));
    return result;
}

json differences_json(std::vector<ValueDifference> const& found) {
    json result = json::array();
    for (auto const& each : found)
        result.push_back({{"key", each.key}, {"a", each.a}, {"b", each.b}});
    return result;
}

json row_json(ComparedMetric const& row) {
    auto const& d = row.difference;
    return {{"metric", row.metric},
            {"unit", row.unit},
            {"primary", row.is_primary()},
            {"a", numbers(row.a)},
            {"b", numbers(row.b)},
            {"median_a", number(middle_of(row.a))},
            {"median_b", number(middle_of(row.b))},
            {"ratio", number(d.ratio)},
            {"ci_low", number(d.ci_low)},
            {"ci_high", number(d.ci_high)},
            {"ci90_low", number(d.low90)},
            {"ci90_high", number(d.high90)},
            {"p", number(d.p)},
            {"p_corrected", number(row.corrected_p)},
            {"verdict", name_of(row.verdict)}};
}

json side_json(Side const& side) {
    std::set<std::string> kinds, tags;
    for (auto const& launch : side.launches) {
        kinds.insert(launch.kind);
        tags.insert(launch.tags.begin(), launch.tags.end());
    }
    return {
        {"path", side.path}, {"results", side.launches.size()}, {"kinds", kinds}, {"tags", tags}};
}

json case_json(ComparedCase const& each) {
    json rows = json::array();
    for (auto const& row : each.rows) rows.push_back(row_json(row));
    return {{"case", each.key}, {"files_a", each.a}, {"files_b", each.b}, {"rows", rows}};
}

std::string csv_text(std::string const& text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return text;
    std::string quoted = "\"";
    for (char const c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string csv_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.17g}", value) : "";
}

}  // namespace

json comparison_json(Comparison const& comparison) {
    auto const& options = comparison.options;
    json sides = json::array();
    for (auto const& side : comparison.sides) sides.push_back(side_json(side));
    json pairs = json::array();
    for (auto const& pair : comparison.pairs) {
        json cases = json::array();
        for (auto const& each : pair.cases) cases.push_back(case_json(each));
        pairs.push_back({{"a", comparison.sides[0].path},
                         {"b", comparison.sides[pair.side].path},
                         {"config_differences", differences_json(pair.config)},
                         {"provenance_differences", differences_json(pair.provenance)},
                         {"only_a", pair.only_a},
                         {"only_b", pair.only_b},
                         {"warnings", pair.warnings},
                         {"cases", cases}});
    }
    return {{"schema", "epsim-compare"},
            {"schema_version", {1, 0, 0}},
            {"threshold", options.threshold},
            {"alpha", options.alpha},
            {"analysis", name_of(options.analysis)},
            {"correction", "Holm; step times, all other figures"},
            {"gate", options.gate ? json(*options.gate) : json(nullptr)},
            {"gate_failed", comparison.gate_failed()},
            {"sides", sides},
            {"comparisons", pairs}};
}

std::string comparison_csv(Comparison const& comparison) {
    std::string text =
        "a,b,case,metric,unit,launches_a,launches_b,median_a,median_b,ratio,ci_low,ci_high,p,"
        "p_corrected,verdict\n";
    for (auto const& pair : comparison.pairs)
        for (auto const& each : pair.cases)
            for (auto const& row : each.rows) {
                auto const& d = row.difference;
                text += fmt::format(
                    "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
                    csv_text(comparison.sides[0].path), csv_text(comparison.sides[pair.side].path),
                    csv_text(case_label(each.key)), csv_text(row.metric), csv_text(row.unit), d.n_a,
                    d.n_b, csv_number(middle_of(row.a)), csv_number(middle_of(row.b)),
                    csv_number(d.ratio), csv_number(d.ci_low), csv_number(d.ci_high),
                    csv_number(d.p), csv_number(row.corrected_p), name_of(row.verdict));
            }
    return text;
}

}  // namespace epsim
