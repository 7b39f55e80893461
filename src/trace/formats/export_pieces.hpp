#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// Ids of one source's tokens of a step and layer, [tokens, top_k].
using SourceIds = std::vector<std::vector<int32_t>>;  // [sources]

/// The ids of a step and layer, by source (one if no source_rank was recorded).
SourceIds ids_by_source(RoutingSource const& source, StepId step, LayerId layer);
/// Call visit for each step, and in it for each layer, in order.
void for_each_step_layer(RoutingSource const& source,
                         std::function<void(StepId, LayerId)> const& visit);
/// Counts of experts, [num_experts].
std::vector<int64_t> count_ids(std::vector<int32_t> const& ids, int num_experts);

/// \throws InputError if the file cannot be made
std::ofstream create_file(std::filesystem::path const& path);
/// \throws Error if something could not be written
void finish_file(std::ofstream& file, std::filesystem::path const& path);

/// What a .npy of C order begins with.
std::string npy_head(std::string const& type, std::vector<int64_t> const& shape);

}  // namespace epsim
