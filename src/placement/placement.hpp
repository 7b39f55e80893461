#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/ids.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Which expert each slot of each rank holds, per layer: an immutable value with a version.
/// Slots are numbered globally; those of one rank are contiguous. A rank may have none, an expert
/// may have several (replicas), a slot may be empty.
class Placement {
public:
    /// \param rank_slot_offset [R + 1] first slot of each rank
    /// \param slot_expert [L, Q] expert of each slot, no_expert = empty
    /// \throws InputError if an expert has no slot, or an id is out of range
    Placement(int version, int num_experts, std::vector<int32_t> rank_slot_offset,
              std::vector<std::vector<ExpertId>> slot_expert);

    int version() const noexcept { return version_; }
    int num_experts() const noexcept { return num_experts_; }
    int ranks() const noexcept { return static_cast<int>(rank_slot_offset_.size()) - 1; }
    int layers() const noexcept { return static_cast<int>(layer_.size()); }
    int slots() const noexcept { return rank_slot_offset_.back(); }
    /// [R + 1]
    std::span<int32_t const> rank_slot_offset() const noexcept { return rank_slot_offset_; }
    RankId rank_of(SlotId slot) const noexcept {
        return slot_rank_[static_cast<std::size_t>(index(slot))];
    }
    /// [Q] experts of a layer's slots.
    std::span<ExpertId const> slot_expert(LayerId layer) const;
    /// The experts that live on one rank, in slot order (empty slots included).
    std::span<ExpertId const> experts_of(LayerId layer, RankId rank) const;
    /// The slots that hold an expert, ascending; at least one.
    std::span<SlotId const> slots_of(LayerId layer, ExpertId expert) const;

    /// A later version: these layers' slots are others, all else is shared with this one.
    /// \throws InputError as the constructor
    Placement with(int version, std::map<int, std::vector<ExpertId>> slot_expert) const;

private:
    struct Layer {
        std::vector<ExpertId> slot_expert;    // [Q]
        std::vector<int32_t> replica_offset;  // [E + 1] into replica
        std::vector<SlotId> replica;          // by expert
    };
    std::shared_ptr<Layer const> make_layer(std::vector<ExpertId> slot_expert) const;
    Layer const& of(LayerId layer) const {
        return *layer_.at(static_cast<std::size_t>(index(layer)));
    }

    int version_, num_experts_;
    std::vector<int32_t> rank_slot_offset_;
    std::vector<RankId> slot_rank_;                    // [Q]
    std::vector<std::shared_ptr<Layer const>> layer_;  // [L]
};

/// First slot of each rank where `slots` are spread evenly: slot s lives on rank floor(s R / Q).
/// [R + 1] \throws InputError unless slots >= 0 and ranks > 0
std::vector<int32_t> even_slots(int ranks, int slots);

/// Contiguous: expert e of E lives on rank floor(e R / E), the rule that also puts tokens on ranks;
/// the same in every layer. Any E and R: shards may be uneven or empty.
Placement linear_placement(int layers, int num_experts, int ranks);

/// Experts replaced by the slots that serve them.
struct SlotRouting {
    int top_k = 0;
    std::vector<SlotId> slot;   ///< [T, top_k]; no_slot = none
    std::vector<float> weight;  ///< [T, top_k]
};

}  // namespace epsim
