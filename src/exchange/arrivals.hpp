#pragma once

#include <vector>

#include "dispatch/dispatch_plan.hpp"
#include "exchange/exchange_shape.hpp"
#include "rows/grouped_rows.hpp"

namespace epsim {

/// Rows that arrived where their experts are: indexes them by slot, gives experts what they
/// compute with, and sums results that share a row.
class Arrivals {
public:
    explicit Arrivals(ExchangeShape const& shape);

    /// \param rows their entries, all for slots of this rank; entry i's result is row i. The views
    ///             must live until the rows are back
    /// \param merged rows may serve several entries
    void index(EntryList const& rows, bool merged);
    int64_t entries() const { return std::ssize(rows_.slot); }

    /// \param arrived [rows, hidden], wire type \return views that are valid until the next index()
    GroupedRows group(BufferView arrived);

    /// \param results [entries, hidden], combine type   \param out [rows, hidden], combine type: of
    /// each row the sum of its entries' results, weighted unless the weights were applied before
    void merge(BufferView results, BufferView out) const;

private:
    ExchangeShape shape_;
    EntryList rows_;
    bool merged_ = false;
    std::vector<int64_t> slot_offset_, slot_next_;  // [local slots + 1]
    std::vector<int32_t> row_index_;                // [entries], by slot
    std::vector<int32_t> result_index_;             // [entries], by slot
    std::vector<float> entry_weight_;               // [entries], by slot
    std::vector<int32_t> counting_;                 // 0, 1, 2 ...
    HostBuffer decoded_, scaled_;
};

}  // namespace epsim
