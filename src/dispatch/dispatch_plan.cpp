#include "dispatch/dispatch_plan.hpp"

#include <numeric>

#include "core/cast.hpp"

namespace epsim {

DispatchPlan const& DispatchPlanner::plan(SlotRouting const& routing, Placement const& placement) {
    auto const slots = static_cast<std::size_t>(placement.slots());
    auto const assignments = routing.slot.size();
    check(routing.top_k > 0 && assignments % static_cast<std::size_t>(routing.top_k) == 0 &&
              routing.weight.size() == assignments,
          "slot routing is [tokens, top_k]");

    // Where each slot's rows begin.
    slot_next_.assign(slots + 1, 0);
    for (SlotId const s : routing.slot)
        if (s != no_slot) ++slot_next_[static_cast<std::size_t>(index(s)) + 1];
    std::partial_sum(slot_next_.begin(), slot_next_.end(), slot_next_.begin());

    auto const rows = static_cast<std::size_t>(slot_next_[slots]);
    plan_.tokens = narrow<int64_t>(assignments) / routing.top_k;
    plan_.top_k = routing.top_k;
    plan_.row_offset.resize(static_cast<std::size_t>(placement.ranks()) + 1);
    for (std::size_t r = 0; r < plan_.row_offset.size(); ++r)
        plan_.row_offset[r] = slot_next_[static_cast<std::size_t>(placement.rank_slot_offset()[r])];
    plan_.row_token.resize(rows);
    plan_.slot.resize(rows);
    plan_.weight.resize(rows);
    plan_.assignment_row.resize(assignments);
    if (auto const known = plan_.entry_offset.size(); known != rows + 1) {
        plan_.entry_offset.resize(rows + 1);  // one entry a row: what is there stays true
        for (std::size_t i = known; i <= rows; ++i) plan_.entry_offset[i] = static_cast<int64_t>(i);
    }

    auto const top_k = static_cast<std::size_t>(routing.top_k);
    for (std::size_t token = 0, i = 0; i < assignments; ++token)
        for (std::size_t choice = 0; choice < top_k; ++choice, ++i) {
            SlotId const s = routing.slot[i];
            if (s == no_slot) {
                plan_.assignment_row[i] = -1;
                continue;
            }
            auto const row =
                static_cast<std::size_t>(slot_next_[static_cast<std::size_t>(index(s))]++);
            plan_.row_token[row] = static_cast<int32_t>(token);
            plan_.slot[row] = index(s);
            plan_.weight[row] = routing.weight[i];
            plan_.assignment_row[i] = static_cast<int32_t>(row);
        }
    return plan_;
}

}  // namespace epsim
