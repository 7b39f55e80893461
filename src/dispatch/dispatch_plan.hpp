#pragma once

#include <cstdint>
#include <vector>

#include "placement/placement.hpp"

namespace epsim {

/// What one source rank sends for one layer: rows in send order, and how to undo it.
/// A row is one token's vector; it serves one or more slots of its destination ("entries").
/// Without dedup each (token, slot) assignment is a row of its own with one entry.
struct DispatchPlan {
    int64_t tokens = 0;
    int top_k = 0;
    std::vector<int64_t> row_offset;      ///< [R + 1] first row for each destination rank
    std::vector<int32_t> row_token;       ///< [rows] token of each row; -1 = padding
    std::vector<int64_t> entry_offset;    ///< [rows + 1] entries of each row
    std::vector<int32_t> slot;            ///< [entries] global slot
    std::vector<float> weight;            ///< [entries] gate weight
    std::vector<int32_t> assignment_row;  ///< [tokens, top_k] row of each assignment; -1 = none

    int64_t rows() const noexcept { return static_cast<int64_t>(row_token.size()); }
    int64_t entries() const noexcept { return static_cast<int64_t>(slot.size()); }
    int64_t rows_to(RankId rank) const noexcept {
        auto const r = static_cast<std::size_t>(index(rank));
        return row_offset[r + 1] - row_offset[r];
    }
};

/// Plans a layer's dispatch. Reuses its memory from call to call, so that a warm plan allocates
/// nothing.
class DispatchPlanner {
public:
    /// One row an assignment, ordered by slot, then token, then choice (a stable counting sort):
    /// by destination rank therefore, and grouped by slot inside each destination.
    /// O(tokens x top_k + slots).
    DispatchPlan const& plan(SlotRouting const& routing, Placement const& placement);

private:
    DispatchPlan plan_;
    std::vector<int64_t> slot_next_;
};

}  // namespace epsim
