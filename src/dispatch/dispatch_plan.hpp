#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/route.hpp"
#include "placement/placement.hpp"

namespace epsim {

/// Items (tokens, or rows that arrived) and the slots that each must reach: entries
/// [offset[i], offset[i + 1]) are item i's.
struct EntryList {
    std::span<int64_t const> offset;  ///< [items + 1]
    std::span<SlotId const> slot;     ///< [entries]; no_slot = none
    std::span<float const> weight;    ///< [entries] gate weight

    int64_t items() const noexcept { return std::ssize(offset) - 1; }
};

/// What one rank sends in one hop for one layer: rows in send order, and how to undo it.
/// A row is one item's vector; it serves one or more slots ("entries"). Without dedup each
/// (token, slot) assignment is a row of its own with one entry. Padding stands behind the rows for
/// a target and serves none.
struct DispatchPlan {
    int64_t tokens = 0;                   ///< items
    int top_k = 0;                        ///< assignments of every item; 0 = they differ
    bool merged = false;                  ///< rows may serve several entries (dedup)
    std::vector<int64_t> row_offset;      ///< [R + 1] first row for each target rank
    std::vector<int32_t> row_token;       ///< [rows] item of each row; -1 = padding
    std::vector<int64_t> entry_offset;    ///< [rows + 1] entries of each row
    std::vector<int32_t> slot;            ///< [entries] global slot
    std::vector<float> weight;            ///< [entries] gate weight
    std::vector<int64_t> item_offset;     ///< [tokens + 1] assignments of each item
    std::vector<int32_t> assignment_row;  ///< [assignments] row of each assignment; -1 = none, or
                                          ///< served by the row of an earlier one of the item

    int64_t rows() const noexcept { return static_cast<int64_t>(row_token.size()); }
    int64_t entries() const noexcept { return static_cast<int64_t>(slot.size()); }
    int64_t rows_to(RankId rank) const noexcept {
        auto const r = static_cast<std::size_t>(index(rank));
        return row_offset[r + 1] - row_offset[r];
    }
    int64_t entries_to(RankId rank) const noexcept {
        auto const r = static_cast<std::size_t>(index(rank));
        return entry_offset[static_cast<std::size_t>(row_offset[r + 1])] -
               entry_offset[static_cast<std::size_t>(row_offset[r])];
    }
};

/// Plans a hop. Reuses its memory from call to call, so that a warm plan allocates nothing.
class DispatchPlanner {
public:
    /// Rows ordered by the route's key (and so by target), then item, then entry of the item: a
    /// stable counting sort. O(entries + keys + rows). Where the route has a capacity, no target
    /// may get more rows.
    DispatchPlan const& plan(EntryList const& items, Route const& route);
    /// The same for tokens with top_k entries each.
    DispatchPlan const& plan(SlotRouting const& routing, Route const& route);

private:
    void make_rows(EntryList const& items, Route const& route);
    void make_merged_or_padded_rows(EntryList const& items, Route const& route);
    void first_rows(Route const& route, std::vector<int64_t>& next);
    void spread_rows(Route const& route);

    DispatchPlan plan_;
    bool plain_ = true;  // the last plan's rows are entries, in order
    std::vector<int64_t> next_row_, next_entry_, last_item_;  // by key
};

}  // namespace epsim
