#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace epsim {

/// Which expert each slot holds, per layer of the model, as serving systems write it: the map from
/// physical to logical ids.
struct SlotMap {
    int num_experts = 0;
    int ranks = 0;                                    ///< that share the slots evenly, 0 = not said
    std::map<int32_t, std::vector<ExpertId>> expert;  ///< layer's number -> [slots]

    bool operator==(SlotMap const&) const = default;

    /// The expert of a physical id; -1 stays none. \throws InputError if it is not mapped
    ExpertId logical(int32_t layer, int64_t physical) const;
};

/// \param expert layer's number -> [slots]; no_expert = an empty slot
/// \param num_experts 0 = the highest expert + 1
/// \throws InputError unless all layers have as many slots and every expert has one
SlotMap make_slot_map(std::map<int32_t, std::vector<ExpertId>> expert, int num_experts, int ranks);

}  // namespace epsim
