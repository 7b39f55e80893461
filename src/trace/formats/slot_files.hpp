#pragma once

#include <filesystem>
#include <optional>

#include "trace/slot_map.hpp"
#include "trace/typed_array.hpp"

namespace epsim {

/// A placement in any format that import_formats() knows.
/// \throws InputError if the file is none
SlotMap read_slot_map(std::filesystem::path const& file, std::optional<int> num_experts);

/// Of integers [layers, slots], layers numbered from 0. \param num_experts 0 = not known
SlotMap slot_map_of(TypedArray const& array, int num_experts, std::filesystem::path const& file);

/// SGLang's --init-expert-location: {"physical_to_logical_map": [layers][slots]}.
void write_sglang_placement(SlotMap const& map, std::filesystem::path const& file);
/// TensorRT-LLM's moe_config.load_balancer: num_slots, initial_global_assignments.
void write_trtllm_eplb(SlotMap const& map, std::filesystem::path const& file);
/// omni-infer's .npy [ranks, layers, E]. \throws InputError if a rank holds an expert twice
void write_omni_placement(SlotMap const& map, std::filesystem::path const& file);

}  // namespace epsim
