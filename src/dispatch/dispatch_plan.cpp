#include "dispatch/dispatch_plan.hpp"

#include <numeric>
#include <utility>

#include "core/cast.hpp"

namespace epsim {
namespace {

/// 0, step, 2 step ... n step. \param known how many of them are there already
void fill_multiples(std::vector<int64_t>& offset, std::size_t known, std::size_t n, int64_t step) {
    offset.resize(n + 1);
    for (std::size_t i = known; i <= n; ++i) offset[i] = static_cast<int64_t>(i) * step;
}

std::size_t key_of(Route const& route, SlotId slot) {
    return static_cast<std::size_t>(route.key_of_slot[static_cast<std::size_t>(index(slot))]);
}

}  // namespace

DispatchPlan const& DispatchPlanner::plan(SlotRouting const& routing, Route const& route) {
    auto const assignments = routing.slot.size();
    check(routing.top_k > 0 && assignments % static_cast<std::size_t>(routing.top_k) == 0 &&
              routing.weight.size() == assignments,
          "slot routing is [tokens, top_k]");
    auto const known = std::exchange(plan_.top_k, routing.top_k) == routing.top_k
                           ? plan_.item_offset.size()
                           : std::size_t{0};
    fill_multiples(plan_.item_offset, known, assignments / static_cast<std::size_t>(routing.top_k),
                   routing.top_k);
    return plan({plan_.item_offset, routing.slot, routing.weight}, route);
}

DispatchPlan const& DispatchPlanner::plan(EntryList const& items, Route const& route) {
    if (items.offset.data() != plan_.item_offset.data()) {
        plan_.item_offset.assign(items.offset.begin(), items.offset.end());
        plan_.top_k = 0;
    }
    bool const plain = !route.merge && !route.capacity.exists();
    // What make_rows finds there is its own.
    if (!plain || !plain_) plan_.entry_offset.clear();
    plain_ = plain;
    plan_.tokens = items.items();
    plan_.merged = route.merge;
    plan_.row_offset.resize(route.target_offset.size());
    plan_.assignment_row.resize(items.slot.size());
    if (plain)
        make_rows(items, route);
    else
        make_merged_or_padded_rows(items, route);
    return plan_;
}

/// Counts at [key + 1] become where each key's begin; row_offset from there.
void DispatchPlanner::first_rows(Route const& route, std::vector<int64_t>& next) {
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (std::size_t r = 0; r < plan_.row_offset.size(); ++r)
        plan_.row_offset[r] = next[static_cast<std::size_t>(route.target_offset[r])];
    plan_.row_token.resize(static_cast<std::size_t>(next.back()));
}

/// Every target's rows, known so far as next_row_ and row_offset, begin where all before have
/// theirs and their padding.
void DispatchPlanner::spread_rows(Route const& route) {
    int64_t const capacity = route.capacity.rows;
    for (std::size_t r = 0; r + 1 < plan_.row_offset.size(); ++r) {
        int64_t const before = plan_.row_offset[r], first = static_cast<int64_t>(r) * capacity;
        check(plan_.row_offset[r + 1] - before <= capacity, "a target's rows exceed its capacity");
        for (auto key = route.target_offset[r]; key < route.target_offset[r + 1]; ++key)
            next_row_[static_cast<std::size_t>(key)] += first - before;
        plan_.row_offset[r] = first;
    }
    plan_.row_offset.back() = std::ssize(plan_.row_offset) * capacity - capacity;
    plan_.row_token.assign(static_cast<std::size_t>(plan_.row_offset.back()), -1);
}

void DispatchPlanner::make_rows(EntryList const& items, Route const& route) {
    next_row_.assign(static_cast<std::size_t>(route.target_offset.back()) + 1, 0);
    for (SlotId const s : items.slot)
        if (s != no_slot) ++next_row_[key_of(route, s) + 1];
    first_rows(route, next_row_);
    auto const rows = plan_.row_token.size();
    plan_.slot.resize(rows);
    plan_.weight.resize(rows);
    fill_multiples(plan_.entry_offset, plan_.entry_offset.size(), rows, 1);
    // Held in registers, which the compiler cannot know to be safe.
    auto* const token = plan_.row_token.data();
    auto* const slot = plan_.slot.data();
    auto* const weight = plan_.weight.data();
    auto* const row_of = plan_.assignment_row.data();
    auto* const next = next_row_.data();
    auto const* const key = route.key_of_slot.data();
    for (int64_t item = 0; item < items.items(); ++item)
        for (auto i = items.offset[static_cast<std::size_t>(item)];
             i < items.offset[static_cast<std::size_t>(item) + 1]; ++i) {
            SlotId const s = items.slot[static_cast<std::size_t>(i)];
            if (s == no_slot) {
                row_of[i] = -1;
                continue;
            }
            int64_t const row = next[key[index(s)]]++;
            // Rows are written in as many places as there are keys: more than a CPU foresees.
            if (constexpr int64_t line = 16; row % line == 0 && row + 2 * line < plan_.rows())
                for (void* const to : {static_cast<void*>(token + row + 2 * line),
                                       static_cast<void*>(slot + row + 2 * line),
                                       static_cast<void*>(weight + row + 2 * line)})
                    __builtin_prefetch(to, 1);
            token[row] = static_cast<int32_t>(item);
            slot[row] = index(s);
            weight[row] = items.weight[static_cast<std::size_t>(i)];
            row_of[i] = static_cast<int32_t>(row);
        }
}

void DispatchPlanner::make_merged_or_padded_rows(EntryList const& items, Route const& route) {
    auto const keys = static_cast<std::size_t>(route.target_offset.back());
    next_row_.assign(keys + 1, 0);
    next_entry_.assign(keys + 1, 0);
    // f(item, entry, key, whether it begins a row)
    auto const over_entries = [&](auto&& f) {
        last_item_.assign(keys, -1);
        for (std::size_t item = 0; item + 1 < items.offset.size(); ++item)
            for (auto e = items.offset[item]; e < items.offset[item + 1]; ++e) {
                auto const i = static_cast<std::size_t>(e);
                plan_.assignment_row[i] = -1;
                if (items.slot[i] == no_slot) continue;
                auto const key = key_of(route, items.slot[i]);
                bool const first = !route.merge || last_item_[key] != static_cast<int64_t>(item);
                last_item_[key] = static_cast<int64_t>(item);
                f(item, i, key, first);
            }
    };
    over_entries([&](std::size_t, std::size_t, std::size_t key, bool first) {
        next_row_[key + 1] += first;
        ++next_entry_[key + 1];
    });
    first_rows(route, next_row_);
    if (route.capacity.exists()) spread_rows(route);
    std::partial_sum(next_entry_.begin(), next_entry_.end(), next_entry_.begin());
    auto const rows = plan_.row_token.size(), entries = static_cast<std::size_t>(next_entry_[keys]);
    plan_.slot.resize(entries);
    plan_.weight.resize(entries);
    plan_.entry_offset.resize(rows + 1);
    plan_.entry_offset[rows] = static_cast<int64_t>(entries);
    over_entries([&](std::size_t item, std::size_t i, std::size_t key, bool first) {
        // The entries of a key follow each other item by item: those of a row stand together.
        auto const entry = static_cast<std::size_t>(next_entry_[key]++);
        plan_.slot[entry] = index(items.slot[i]);
        plan_.weight[entry] = items.weight[i];
        if (!first) return;
        auto const row = static_cast<std::size_t>(next_row_[key]++);
        plan_.row_token[row] = static_cast<int32_t>(item);
        plan_.entry_offset[row] = static_cast<int64_t>(entry);
        plan_.assignment_row[i] = static_cast<int32_t>(row);
    });
    if (!route.capacity.exists()) return;
    for (auto row = rows; row-- > 0;)
        if (plan_.row_token[row] < 0) plan_.entry_offset[row] = plan_.entry_offset[row + 1];
}

}  // namespace epsim
