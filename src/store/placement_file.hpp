#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "placement/placement.hpp"

namespace epsim {

/// A placement as a file has it.
struct NamedPlacement {
    Placement placement;
    std::vector<int32_t> layer;   ///< [L] the model's layer numbers
    std::string model, strategy;  ///< empty = unknown
};

// Files of our own form, JSON. Those of other systems: trace/formats.

/// \throws InputError if the file is missing, malformed, or no placement
NamedPlacement read_placement(std::filesystem::path const& path);
/// \throws InputError if it cannot be written
void write_placement(NamedPlacement const& placement, std::filesystem::path const& path);

/// The layers with some numbers, for a model of some size, on some ranks.
/// \param path for the message   \throws InputError if the placement is of something else
Placement pick_layers(NamedPlacement const& named, std::vector<int32_t> const& layers,
                      int num_experts, int ranks, std::string const& path);

}  // namespace epsim
