#pragma once

#include <string>
#include <vector>

#include "report/text_style.hpp"

namespace epsim {

enum class Align { left, right };

/// A table in text: a head, a rule, rows; columns two spaces apart.
class Table {
public:
    struct Column {
        std::string head;
        Align align = Align::right;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// \param cells one a column. \throws Error if not
    void add(std::vector<std::string> cells);
    bool empty() const noexcept { return rows_.empty(); }

    /// Every line at most style.width: where the cells need more, the widest column is shortened
    /// first, left-aligned ones (words) before right-aligned ones (numbers).
    std::string text(TextStyle const& style) const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace epsim
