#include "trace/slot_map.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {

ExpertId SlotMap::logical(int32_t layer, int64_t physical) const {
    if (physical == -1) return no_expert;
    auto const slots = expert.find(layer);
    if (slots == expert.end())
        throw InputError(
            fmt::format("the placement has no layer {} (the routing has it). Give the placement "
                        "that the routing was recorded under",
                        layer));
    if (physical < 0 || physical >= static_cast<int64_t>(slots->second.size()))
        throw InputError(
            fmt::format("slot {} of layer {} is out of range (the placement has {}). "
                        "Give the placement that the routing was recorded under",
                        physical, layer, slots->second.size()));
    return slots->second[static_cast<std::size_t>(physical)];
}

SlotMap make_slot_map(std::map<int32_t, std::vector<ExpertId>> expert, int num_experts, int ranks) {
    if (expert.empty()) throw InputError("a placement has no layers. Check the file");
    int32_t highest = -1;
    for (auto const& [layer, slots] : expert) {
        if (slots.size() != expert.begin()->second.size() || slots.empty())
            throw InputError(fmt::format(
                "layer {} of a placement has {} slots, layer {} has {} "
                "(all have as many). Check the file",
                layer, slots.size(), expert.begin()->first, expert.begin()->second.size()));
        for (auto const e : slots) highest = std::max(highest, index(e));
    }
    if (num_experts == 0) num_experts = std::min(highest, most_experts) + 1;
    check_sizes(num_experts, 1);
    for (auto const& [layer, slots] : expert) {
        std::vector<bool> has(static_cast<std::size_t>(num_experts));
        for (auto const e : slots) {
            if (index(e) < -1 || index(e) >= num_experts)
                throw InputError(
                    fmt::format("layer {} of a placement holds expert {} (experts are 0 to {}). "
                                "Check the file",
                                layer, index(e), num_experts - 1));
            if (e != no_expert) has[static_cast<std::size_t>(index(e))] = true;
        }
        auto const homeless = std::ranges::find(has, false);
        if (homeless != has.end())
            throw InputError(
                fmt::format("layer {} of a placement has no slot for expert {} (every "
                            "expert has one). Check the file",
                            layer, homeless - has.begin()));
    }
    return {num_experts, ranks, std::move(expert)};
}

}  // namespace epsim
