#include "report/table.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr std::size_t gap = 2;

/// Take columns of text away until the table fits.
void shrink(std::vector<std::size_t>& widths, std::vector<Table::Column> const& columns,
            std::size_t limit) {
    constexpr std::size_t readable = 8;  // words keep this before numbers are touched
    auto const total = [&] {
        return std::accumulate(widths.begin(), widths.end(), gap * (widths.size() - 1));
    };
    while (total() > limit) {
        auto const rank = [&](std::size_t c) {
            bool const words = columns[c].align == Align::left && widths[c] > readable;
            return std::pair{words, widths[c]};
        };
        std::vector<std::size_t> order(widths.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        auto const widest = *std::ranges::max_element(order, {}, rank);
        if (widths[widest] <= 1) return;
        --widths[widest];
    }
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
    check(cells.size() == columns_.size(), "a table's row has one cell a column");
    rows_.push_back(std::move(cells));
}

std::string Table::text(TextStyle const& style) const {
    std::vector<std::vector<std::string>> lines(1);
    for (auto const& column : columns_) lines[0].push_back(printable(column.head, style.charset));
    for (auto const& row : rows_) {
        lines.emplace_back();
        for (auto const& cell : row) lines.back().push_back(printable(cell, style.charset));
    }
    std::vector<std::size_t> widths(columns_.size());
    for (auto const& line : lines)
        for (std::size_t c = 0; c < line.size(); ++c)
            widths[c] = std::max(widths[c], columns_of(line[c]));
    shrink(widths, columns_, static_cast<std::size_t>(style.width));

    std::string result;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::string out;
        for (std::size_t c = 0; c < widths.size(); ++c) {
            auto const cell = shorten(lines[i][c], widths[c], style.charset);
            std::string const space(widths[c] - columns_of(cell), ' ');
            out += columns_[c].align == Align::left ? cell + space : space + cell;
            if (c + 1 < widths.size()) out += std::string(gap, ' ');
        }
        out.erase(out.find_last_not_of(' ') + 1);
        result += out + '\n';
        if (i > 0) continue;
        auto const rule = std::accumulate(widths.begin(), widths.end(), gap * (widths.size() - 1));
        for (std::size_t n = 0; n < rule; ++n) result += style.charset == Charset::utf8 ? "─" : "-";
        result += '\n';
    }
    return result;
}

}  // namespace epsim
