#include <fmt/format.h>

#include <cmath>

#include "core/text.hpp"
#include "report/comparison_formats.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

/// Few launches that scatter widely have intervals of many digits.
std::string bound_text(double ratio) {
    constexpr double most = 1000;
    return ratio < most ? fmt::format("{:.3f}", ratio) : fmt::format(">{:.0f}", most);
}

std::string interval_text(Difference const& d) {
    if (std::isnan(d.ci_low)) return "-";
    return fmt::format("{} to {}", bound_text(d.ci_low), bound_text(d.ci_high));
}

std::string p_text(double p) {
    if (std::isnan(p)) return "-";
    return p < 1e-4 ? "<0.0001" : fmt::format("{:.4f}", p);
}

std::vector<std::string> heads(std::string const& other) {
    return {"", "A", other, other + " / A", "95 % interval", "p", "launches", "verdict"};
}

std::vector<std::string> cells(ComparedMetric const& row) {
    auto const& d = row.difference;
    return {metric_label(row.metric),
            format_si(middle_of(row.a), row.unit),
            format_si(middle_of(row.b), row.unit),
            ratio_text(d.ratio),
            interval_text(d),
            p_text(row.corrected_p),
            fmt::format("{}, {}", d.n_a, d.n_b),
            std::string(name_of(row.verdict))};
}

std::string side_text(Side const& side) {
    return fmt::format("{}: {}", side.path, count_text(std::ssize(side.launches), "result"));
}

/// The lines of a pair before its tables: label and text.
std::vector<std::pair<std::string, std::string>> preface(Comparison const& comparison,
                                                         ComparedSides const& pair) {
    auto const other = side_name(pair.side);
    std::vector<std::pair<std::string, std::string>> lines{
        {"A", side_text(comparison.sides[0])}, {other, side_text(comparison.sides[pair.side])}};
    auto const add = [&](char const* label, std::vector<ValueDifference> const& found) {
        if (found.empty()) lines.emplace_back(label, "no difference");
        for (auto const& each : found) {
            lines.emplace_back(&each == found.data() ? label : "", difference_label(each));
        }
    };
    add("config", pair.config);
    add("provenance", pair.provenance);
    for (auto const& key : pair.only_a) lines.emplace_back("only in A", case_label(key));
    for (auto const& key : pair.only_b) lines.emplace_back("only in " + other, case_label(key));
    for (auto const& warning : pair.warnings) lines.emplace_back("warning", warning);
    return lines;
}

std::string case_text(ComparedCase const& each, std::string const& other, TextStyle const& style) {
    std::vector<Table::Column> columns;
    for (auto const& head : heads(other)) columns.push_back({head});
    columns.front().align = columns.back().align = Align::left;
    Table table(columns);
    for (auto const& row : each.rows) table.add(cells(row));
    return (each.key.empty() ? "" : fact("case", case_label(each.key), style)) + table.text(style);
}

/// A cell of a Markdown table: text from a file must not end it or the line.
std::string escaped(std::string const& text) {
    std::string result;
    for (char const c : printable(text, Charset::utf8)) {
        if (c == '|' || c == '`' || c == '<' || c == '*' || c == '_' || c == '[') result += '\\';
        result += c;
    }
    return result;
}

std::string markdown_row(std::vector<std::string> const& row) {
    std::string line = "|";
    for (auto const& cell : row) line += ' ' + escaped(cell) + " |";
    return line + '\n';
}

}  // namespace

std::string comparison_text(Comparison const& comparison, TextStyle const& style) {
    std::vector<std::string> blocks;
    for (auto const& pair : comparison.pairs) {
        auto& head = blocks.emplace_back();
        for (auto const& [label, text] : preface(comparison, pair))
            head += fact(label, text, style);
        for (auto const& each : pair.cases)
            blocks.push_back(case_text(each, side_name(pair.side), style));
    }
    auto& end = blocks.emplace_back();
    for (auto const& text : method_notes(comparison.options)) end += note(text, style);
    if (auto const gate = gate_note(comparison); !gate.empty())
        blocks.push_back(fact("gate", gate, style));
    return paragraphs(blocks);
}

std::string comparison_markdown(Comparison const& comparison) {
    std::string text;
    for (auto const& pair : comparison.pairs) {
        auto const other = side_name(pair.side);
        text += fmt::format("## {} against A\n\n", other);
        for (auto const& [label, value] : preface(comparison, pair))
            text += (label.empty() ? "  - " : "- " + label + ": ") + escaped(value) + "\n";
        for (auto const& each : pair.cases) {
            text += '\n';
            if (!each.key.empty()) text += fmt::format("### {}\n\n", escaped(case_label(each.key)));
            text += markdown_row(heads(other)) + "|---|---:|---:|---:|---:|---:|---:|---|\n";
            for (auto const& row : each.rows) text += markdown_row(cells(row));
        }
        text += '\n';
    }
    for (auto const& sentence : method_notes(comparison.options)) text += sentence + '\n';
    if (auto const gate = gate_note(comparison); !gate.empty())
        text += fmt::format("\nGate {}.\n", gate);
    return text;
}

}  // namespace epsim
