#pragma once

#include <memory>
#include <vector>

#include "dispatch/dispatch_plan.hpp"
#include "exchange/exchange_shape.hpp"
#include "rows/grouped_rows.hpp"
#include "rows/row_engine.hpp"

namespace epsim {

/// Rows that arrived where their experts are: indexes them by slot, gives experts what they
/// compute with, and sums results that share a row.
class Arrivals {
public:
    explicit Arrivals(ExchangeShape const& shape);

    /// \param rows their entries, all for slots of this rank. The views must live until the rows are
    ///             back
    /// \param merged rows may serve several entries: entry i's result is row i of the results; else
    ///               results stand as their rows do
    /// \param at [rows.items()] ascending: which of the rows that arrive each one is; empty = row i.
    ///           Must live as long
    void index(EntryList const& rows, bool merged, std::span<int32_t const> at = {});
    int64_t results() const { return merged_ ? std::ssize(rows_.slot) : rows_.items(); }

    /// \param arrived [rows, hidden], wire type. Rows without entries are not read
    /// \return views that are valid until the next index()
    GroupedRows group(BufferView arrived, Stream& stream);

    /// Of merged rows. \param results [results(), hidden], combine type   \param out [rows, hidden],
    /// combine type: of each row the sum of its entries' results, weighted unless the weights were
    /// applied before
    void merge(BufferView results, BufferView out, Stream& stream) const;

private:
    int32_t place(std::size_t row) const {
        return at_.empty() ? static_cast<int32_t>(row) : at_[row];
    }
    void decode(BufferView arrived, BufferView decoded, Stream& stream) const;

    ExchangeShape shape_;
    EntryList rows_;
    bool merged_ = false;
    std::span<int32_t const> at_;
    std::vector<int64_t> slot_offset_, slot_next_;  // [local slots + 1]
    std::vector<int32_t> row_index_;                // [entries], by slot
    std::vector<int32_t> result_index_;             // [entries], by slot
    std::vector<float> entry_weight_;               // [entries], by slot
    std::vector<int32_t> counting_;                 // 0, 1, 2 ...
    std::unique_ptr<RowEngine> engine_;
    RowBuffer decoded_, scaled_;
};

}  // namespace epsim
